// Messages on their way: each is sent until the server acknowledges it, always with the same client id, of which the server
// stores one message. They go one after the other, so they keep their order.

import { useEffect, useState } from "react";

const ANSWER_MS = 10_000;
const RETRY_MS = 1_000;
const WORTH_A_RETRY = new Set(["RATE_LIMITED", "UNAVAILABLE", "INTERNAL"]);

/**
 * Use it in a component that outlives the rooms, so that nothing is dropped when another room is opened.
 *
 * @returns {{pending: {clientId: string, roomId: string, text: string, problem: string}[],
 *   send: (roomId: string, text: string) => void}} `problem` says why a message was refused for good.
 */
export function useOutbox(socket) {
  const [pending, setPending] = useState([]);
  const next = pending.find((entry) => !entry.problem);

  useEffect(() => {
    if (!socket || !next) return;
    const { clientId, roomId, text } = next;
    let current = true;
    let timer;

    async function attempt() {
      clearTimeout(timer);
      if (!socket.connected) return; // emitting now would be buffered by the client; "connect" comes
      let answer;
      try {
        answer = await socket.timeout(ANSWER_MS).emitWithAck("send-message", roomId, { text, clientId });
      } catch {
        answer = { error: { code: "UNAVAILABLE" } }; // stored or not: the client id makes another attempt safe
      }
      if (!current) return;
      if (answer.ok) {
        setPending((entries) => entries.filter((entry) => entry.clientId !== clientId));
      } else if (WORTH_A_RETRY.has(answer.error.code)) {
        timer = setTimeout(attempt, (answer.error.retryAfter ?? RETRY_MS / 1000) * 1000);
      } else {
        const problem = answer.error.message;
        setPending((entries) => entries.map((entry) => (entry.clientId === clientId ? { ...entry, problem } : entry)));
      }
    }

    socket.on("connect", attempt);
    attempt();
    return () => {
      current = false;
      clearTimeout(timer);
      socket.off("connect", attempt);
    };
  }, [socket, next?.clientId]); // the other fields of an entry do not change while it is the next one

  const send = (roomId, text) => setPending((entries) => [...entries, { clientId: newId(), roomId, text, problem: "" }]);
  return { pending, send };
}

function newId() {
  // crypto.randomUUID is there on https and localhost only
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
