// The reactions under a message. A frame from the server is the same for everybody, so which are the reader's own is told
// here: from the ids it lists, and where it counts more users than it lists, from what this page knows already.

import { span } from "./elements.js";

const NAMES_SHOWN = 8; // as in chat/reactions.py

/** Who reads the page: `names` by user id, `own` reactions as "message emoji", and whether reacting is possible here. */
export class Reader {
  names = new Map();
  own = new Set();

  constructor({ id, username, displayName }, mayReact) {
    Object.assign(this, { id, username, displayName, mayReact });
  }

  knows({ id, displayName }) {
    this.names.set(id, displayName);
  }

  /** Note whether a reaction is the reader's own. */
  mark(messageId, emoji, isOwn) {
    if (isOwn) this.own.add(`${messageId} ${emoji}`);
    else this.own.delete(`${messageId} ${emoji}`);
  }

  isOwn(messageId, { emoji, count, userIds }) {
    if (userIds.includes(this.id)) return true;
    return count > userIds.length && this.own.has(`${messageId} ${emoji}`);
  }
}

/** Fill the chips of a new element of a message, or take their form out. */
export function fillReactions(item, message, reader) {
  const form = item.querySelector("form.react");
  if (!message.reactions.length || message.deletedAt) return form.remove();
  form.action = `/messages/${message.id}/react/`;
  const isOpen = reader.mayReact && message.status !== "streaming";
  const more = form.querySelector(".more");
  more.before(...message.reactions.map((counted) => chip(message.id, counted, reader, isOpen)));
  if (isOpen) more.querySelector("a").href = form.action;
  else more.remove();
}

function chip(messageId, counted, reader, isOpen) {
  const isOwn = reader.isOwn(messageId, counted);
  reader.mark(messageId, counted.emoji, isOwn);
  const button = document.createElement("button");
  Object.assign(button, { type: "submit", className: "reaction", name: isOwn ? "unreact" : "react", value: counted.emoji });
  button.dataset.action = "toggle";
  button.disabled = !isOpen;
  button.title = who(counted, isOwn, reader);
  button.setAttribute("aria-pressed", String(isOwn));
  button.setAttribute("aria-label", `${counted.emoji} ${counted.count}: ${button.title}`);
  button.append(span("emoji", counted.emoji), span("reaction-count", counted.count));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

/** "You, Grace Hopper and 2 others" */
function who({ count, userIds }, isOwn, reader) {
  const others = userIds.filter((id) => id !== reader.id && reader.names.has(id)).map((id) => reader.names.get(id));
  const people = (isOwn ? ["You", ...others] : others).slice(0, NAMES_SHOWN);
  const rest = count - people.length;
  if (rest) people.push(rest === 1 ? "1 other" : `${rest} others`);
  return people.length > 1 ? `${people.slice(0, -1).join(", ")} and ${people.at(-1)}` : people[0];
}

/** Learn from an element that the server made which reactions are the reader's own. */
export function adoptReactions(item, reader) {
  for (const { value } of item.querySelectorAll(".reaction[aria-pressed=true]")) reader.mark(item.dataset.id, value, true);
}

/** Whether two elements of a message differ in nothing but reactions. */
export function showTheSame(old, item) {
  return face(old) === face(item);
}

function face(item) {
  const parts = [".author", ".edited", ".message-error-text", ".message-note", ".sources"];
  const texts = parts.map((selector) => item.querySelector(selector)?.textContent.trim());
  return JSON.stringify([item.dataset.status, item.querySelector(".body").innerHTML, ...texts]);
}

/** Show in `old` the reactions of `item`, leaving alone what else is there: an editor, a selection, the focus. */
export function takeReactions(old, item) {
  const now = old.querySelector("form.react");
  const next = item.querySelector("form.react");
  const hadFocus = Boolean(now?.contains(document.activeElement));
  const emoji = hadFocus ? document.activeElement.value : "";
  old.dataset.version = item.dataset.version;
  now?.remove();
  if (next) old.querySelector(".message-actions").before(next);
  if (!hadFocus) return;
  const chips = [...old.querySelectorAll("button.reaction")];
  (chips.find(({ value }) => value === emoji) ?? old.querySelector(".add-reaction"))?.focus();
}
