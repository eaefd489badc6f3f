// A room: its messages from the first one on, kept complete through lost connections.

import { useEffect, useReducer, useRef, useState } from "react";
import { addDelta, findGap, putMessage } from "./messages.js";
import { useSocketEvent } from "./useSocket.js";

const ANSWER_MS = 10_000;
const GAP_MS = 1_000; // the server saves the text of a running answer about once a second

const CHANGES = { put: putMessage, delta: addDelta };
const reduce = (messages, { change, data }) => CHANGES[change](messages, data);

/**
 * Use it in a component with `key={roomId}`: its state belongs to one room.
 *
 * @returns {{messages: object[], joined: boolean, problem: string}} `problem` says why there is no feed.
 */
export function useRoom(socket, roomId) {
  const [messages, dispatch] = useReducer(reduce, []);
  const [joined, setJoined] = useState(false);
  const [problem, setProblem] = useState("");
  // The highest version seen in the feed. That of an acknowledgement would not do: it may overtake the feed.
  const version = useRef(0);

  const fromFeed = (message) => {
    if (message.roomId !== roomId) return; // the socket may be in several rooms
    version.current = Math.max(version.current, message.version);
    dispatch({ change: "put", data: message });
  };
  useSocketEvent(socket, "new-message", fromFeed);
  useSocketEvent(socket, "message-updated", fromFeed);
  useSocketEvent(socket, "message-delta", (data) => dispatch({ change: "delta", data }));
  useSocketEvent(socket, "room-lost", (lost) => lost.roomId === roomId && setProblem("You may not read this room any more."));

  useEffect(() => {
    if (!socket) return;
    let current = true;
    let timer;
    let isIn = false;

    async function join() {
      clearTimeout(timer);
      // With `recovered` the server has put the client back into its rooms, and sends what it missed.
      if (isIn && socket.recovered) return;
      try {
        const answer = await socket.timeout(ANSWER_MS).emitWithAck("join-room", roomId, { since: version.current });
        if (!current) return;
        isIn = answer.ok;
        setJoined(answer.ok);
        setProblem(answer.ok ? "" : answer.error.message);
        if (answer.error?.retryAfter) timer = setTimeout(join, answer.error.retryAfter * 1000);
      } catch {
        if (current && socket.connected) timer = setTimeout(join, GAP_MS); // no answer; without a connection "connect" comes
      }
    }

    socket.on("connect", join);
    if (socket.connected) join();
    return () => {
      current = false;
      clearTimeout(timer);
      socket.off("connect", join);
      if (isIn && socket.connected) socket.emit("leave-room", roomId);
    };
  }, [socket, roomId]);

  // A lost piece of a running answer is in the database soon: the message comes again to who joins below its version.
  const gap = findGap(messages);
  const since = gap ? gap.version - 1 : null;
  useEffect(() => {
    if (!socket || since === null) return;
    const timer = setInterval(() => socket.connected && socket.emit("join-room", roomId, { since }), GAP_MS);
    return () => clearInterval(timer);
  }, [socket, roomId, since]);

  return { messages, joined, problem };
}
