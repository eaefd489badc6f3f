import { useEffect, useState } from "react";
import { Room } from "./Room.jsx";
import { Session } from "./session.js";
import { useOutbox } from "./useOutbox.js";
import { useSocket } from "./useSocket.js";

const URL_OF_PARLEY = import.meta.env.VITE_PARLEY_URL ?? ""; // "": this origin, by Vite's proxy
const STATES = { connecting: "Connecting…", connected: "Connected", reconnecting: "Connection lost, trying again…" };

export function App() {
  const [session, setSession] = useState(null);
  if (!session) return <SignIn onSignedIn={setSession} />;
  return <Chat session={session} onSignOut={() => setSession(null)} />;
}

function SignIn({ onSignedIn }) {
  const [problem, setProblem] = useState("");

  async function signIn(event) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    try {
      onSignedIn(await Session.signIn(URL_OF_PARLEY, form.get("username"), form.get("password")));
    } catch (error) {
      setProblem(error.message);
    }
  }

  return (
    <main>
      <h1>Parley with React</h1>
      <form className="sign-in" onSubmit={signIn}>
        <label>
          User name <input name="username" autoComplete="username" required />
        </label>
        <label>
          Password <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <button>Sign in</button>
        <p role="alert">{problem}</p>
      </form>
    </main>
  );
}

function Chat({ session, onSignOut }) {
  const { socket, state, error } = useSocket(URL_OF_PARLEY, session.getToken);
  const { pending, send } = useOutbox(socket);
  const { rooms, problem } = useRooms(session);
  const [chosen, setChosen] = useState("");
  const roomId = chosen || rooms[0]?.id;

  function signOut() {
    session.signOut().catch(() => {}); // gone from this page in any case; the server forgets the tokens in time
    onSignOut();
  }

  return (
    <main>
      <header>
        <h1>Parley with React</h1>
        <p role="status" data-state={state}>
          {error || STATES[state]}
        </p>
        <button type="button" onClick={signOut}>
          Sign out
        </button>
      </header>
      <label>
        Room{" "}
        <select value={roomId ?? ""} onChange={(event) => setChosen(event.target.value)}>
          {rooms.map((room) => (
            <option key={room.id} value={room.id}>
              {room.name}
            </option>
          ))}
        </select>
      </label>
      <p role="alert">{problem}</p>
      {roomId && (
        <Room
          key={roomId}
          socket={socket}
          roomId={roomId}
          pending={pending.filter((entry) => entry.roomId === roomId)}
          onSend={(text) => send(roomId, text)}
        />
      )}
    </main>
  );
}

function useRooms(session) {
  const [found, setFound] = useState({ rooms: [], problem: "" });
  useEffect(() => {
    let current = true;
    session.rooms().then(
      (rooms) => current && setFound({ rooms, problem: "" }),
      (error) => current && setFound({ rooms: [], problem: error.message }),
    );
    return () => {
      current = false;
    };
  }, [session]);
  return found;
}
