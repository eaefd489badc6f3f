// A Socket.IO connection as a React hook, with the stock client. Nothing here knows of rooms or messages.

import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { io } from "socket.io-client";
import { expiresAt } from "./jwt.js";

const RENEW_BEFORE_MS = 60_000; // of a token's end
const RETRY_MS = 2_000;
const ANSWER_MS = 10_000;
const CONNECTING = { state: "connecting", error: "" };

/**
 * Connect while the component is mounted.
 *
 * The client itself comes back after a lost connection. This hook adds what it leaves to the application: a token that
 * holds for every attempt, its renewal on the live connection, and attempts after a refusal that is not for good.
 *
 * @param {string} url the server; "" is the origin of the page
 * @param {() => Promise<string>} getToken gives an access token (a JWT) that holds for a while yet; it rejects with an
 *   error whose `code` is "UNAUTHENTICATED" when the user has to sign in again. It need not be the same function in each
 *   render: the latest one is asked.
 * @returns {{socket: import("socket.io-client").Socket | null, state: string, error: string}} `state` is "connecting",
 *   "connected", "reconnecting" or "refused" (the user must do something; `error` says why). `socket` stays the same
 *   object through every reconnect, and is null before the first effect and after unmounting.
 */
export function useSocket(url, getToken) {
  const [socket, setSocket] = useState(null);
  const [status, setStatus] = useState(CONNECTING);
  const latestGetToken = useLatest(getToken);

  useEffect(() => {
    let renewal, retry;

    // Called by the client for every attempt, the first one and all others.
    const auth = async (give) => {
      try {
        const token = await latestGetToken.current();
        renewBefore(token);
        give({ token });
      } catch (error) {
        socket.disconnect();
        if (error.code === "UNAUTHENTICATED") refuse(error.message);
        else tryAgainIn(RETRY_MS); // the network, most likely
      }
    };
    // Without `forceNew`, two sockets of one page to one server would share a connection, and its end.
    const socket = io(url, { auth, autoConnect: false, forceNew: true });

    const refuse = (error) => setStatus({ state: "refused", error });
    const reconnecting = () => setStatus({ state: "reconnecting", error: "" });

    function tryAgainIn(delayMs) {
      reconnecting();
      clearTimeout(retry);
      retry = setTimeout(() => socket.connect(), delayMs);
    }

    function renewBefore(token) {
      clearTimeout(renewal);
      renewal = setTimeout(renew, Math.max(1_000, expiresAt(token) - RENEW_BEFORE_MS - Date.now()));
    }

    async function renew() {
      if (!socket.connected) return; // the next attempt asks for a token anyway
      try {
        const token = await latestGetToken.current();
        const answer = await socket.timeout(ANSWER_MS).emitWithAck("renew-token", { token });
        if (!answer.ok) throw new Error(answer.error.code);
        renewBefore(token);
      } catch {
        renewal = setTimeout(renew, RETRY_MS); // if it never succeeds, the server ends the connection, and says so
      }
    }

    socket.on("connect", () => setStatus({ state: "connected", error: "" }));
    socket.on("disconnect", (reason) => {
      if (reason === "io client disconnect") return;
      // The server said goodbye: the client does not come back by itself. With a new token it may.
      if (reason === "io server disconnect") tryAgainIn(RETRY_MS);
      else reconnecting();
    });
    socket.on("connect_error", (error) => {
      if (socket.active) return reconnecting(); // no answer: the client tries again
      const { code, retryAfter = RETRY_MS / 1000 } = error.data ?? {};
      if (code === "UNAUTHENTICATED" || code === "FORBIDDEN") refuse(error.message);
      else tryAgainIn(retryAfter * 1000);
    });

    setSocket(socket);
    setStatus(CONNECTING);
    socket.connect();
    return () => {
      clearTimeout(renewal);
      clearTimeout(retry);
      socket.off(); // what happens after this is nobody's concern
      socket.disconnect();
      setSocket(null);
    };
  }, [url, latestGetToken]);

  return { socket, ...status };
}

/**
 * Call `handler(...arguments)` for an event of the server. The handler of the latest render is called, so it sees the
 * latest props and state; the listener itself is added once per socket, so no event falls between two renders.
 */
export function useSocketEvent(socket, event, handler) {
  const latestHandler = useLatest(handler);
  useEffect(() => {
    if (!socket) return;
    const listener = (...received) => latestHandler.current(...received);
    socket.on(event, listener);
    return () => socket.off(event, listener);
  }, [socket, event, latestHandler]);
}

/** A ref to the value of the latest render that was committed. */
function useLatest(value) {
  const ref = useRef(value);
  useLayoutEffect(() => {
    ref.current = value;
  });
  return ref;
}
