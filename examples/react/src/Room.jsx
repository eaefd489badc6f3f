import { useState } from "react";
import { useRoom } from "./useRoom.js";

export function Room({ socket, roomId, pending, onSend }) {
  const { messages, joined, problem } = useRoom(socket, roomId);
  const stored = new Set(messages.map((message) => message.clientId)); // in the feed before the acknowledgement came

  return (
    <section aria-label="Messages" data-joined={joined}>
      <p role="alert">{problem}</p>
      <ol role="log" tabIndex={0} aria-label="Messages">
        {messages.map((message) => (
          <Message key={message.id} message={message} />
        ))}
        {pending
          .filter((entry) => !stored.has(entry.clientId))
          .map((entry) => (
            <li key={entry.clientId} className="pending">
              {entry.text} <small>{entry.problem || "sending…"}</small>
            </li>
          ))}
      </ol>
      <Composer onSend={onSend} />
    </section>
  );
}

function Message({ message }) {
  const { author, kind, text, status, editedAt, deletedAt } = message;
  return (
    <li className={kind}>
      <b>{author.displayName || author.username}</b>{" "}
      <span className="text">{deletedAt ? <i>This message was deleted.</i> : text}</span>
      {status === "streaming" && <small> writing…</small>}
      {editedAt && !deletedAt && <small> edited</small>}
    </li>
  );
}

function Composer({ onSend }) {
  const [text, setText] = useState("");

  function submit(event) {
    event.preventDefault();
    if (!text.trim()) return;
    onSend(text);
    setText("");
  }

  return (
    <form onSubmit={submit}>
      <label>
        Message <input value={text} onChange={(event) => setText(event.target.value)} autoComplete="off" />
      </label>
      <button>Send</button>
    </form>
  );
}
