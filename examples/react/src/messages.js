// The messages of a room as a list that is never changed in place. The rules are those of docs/events.md: a message is replaced
// by id when the version is higher; pieces of a running answer are applied by their index.

/** The list with this message, or with this newer state of it; the same list if it is no news. */
export function putMessage(messages, message) {
  const at = messages.findIndex((other) => other.id === message.id);
  if (at < 0) {
    // Within a room ids grow in the order of posting; a catch-up comes in the order of changes.
    const before = messages.filter((other) => Number(other.id) < Number(message.id));
    return [...before, { ...message, pieces: {} }, ...messages.slice(before.length)];
  }
  const old = messages[at];
  if (!isNewer(message, old)) return messages;
  // A new version of a running answer begins it anew: pieces kept from before belong to a text that is gone.
  const pieces = message.version === old.version ? old.pieces : {};
  return messages.with(at, join({ ...message, pieces }));
}

/** The list with one more piece of a running answer. */
export function addDelta(messages, { messageId, index, text }) {
  const at = messages.findIndex((message) => message.id === messageId);
  const message = messages[at];
  if (!message || message.status !== "streaming" || index < message.deltaIndex) return messages;
  return messages.with(at, join({ ...message, pieces: { ...message.pieces, [index]: text } }));
}

/** A running answer of which a piece was lost, so that later ones wait. */
export function findGap(messages) {
  return messages.find((message) => message.status === "streaming" && Object.keys(message.pieces).length > 0);
}

function isNewer(message, old) {
  if (message.version !== old.version) return message.version > old.version;
  return message.status === "streaming" && message.deltaIndex > old.deltaIndex;
}

/** Append the pieces that follow the text; keep those behind a gap. */
function join(message) {
  let { text, deltaIndex } = message;
  while (deltaIndex in message.pieces) text += message.pieces[deltaIndex++];
  const waiting = Object.entries(message.pieces).filter(([index]) => Number(index) >= deltaIndex);
  return { ...message, text, deltaIndex, pieces: Object.fromEntries(waiting) };
}
