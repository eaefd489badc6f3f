// The messages of a room: each once, in the order of their ids (which is the order of posting within a room), the reader's
// unsent ones last. Answers grow by numbered pieces; where a piece is missing, the message is fetched again.

import { buildMessage, dress } from "./message_view.js";
import { renderPreview } from "./preview.js";
import { adoptReactions, showTheSame, takeReactions } from "./reactions.js";

const SAME_BLOCK_MS = 5 * 60_000;
const AT_END_PX = 48;
const REFETCH_MS = [300, 800, 1600, 3000];

export class Timeline {
  #list;
  #log;
  #me;
  #streams = new Map(); // message id -> {text, next, pieces: Map(index -> text), refetches, timer}
  #regroupAsked = false;
  #manages;

  /** `me` is a Reader; `manages`: he or she may stop and retry what others asked. */
  constructor(list, log, me, manages) {
    this.#manages = manages;
    this.#list = list;
    this.#log = log;
    this.#me = me;
    for (const item of this.#items()) this.#adopt(item);
    this.#regroup();
  }

  get isAtEnd() {
    return this.#log.scrollTop > -AT_END_PX; // the log is reversed: its end is 0
  }

  has(id) {
    return this.#find(id) !== null;
  }

  toEnd() {
    this.#log.scrollTop = 0;
  }

  /** Show a message, or replace it by this newer state of it. Returns whether it is new here. */
  put(message) {
    if (message.author.id === this.#me.id) this.removeUnsent(message.clientId); // also where it is shown already
    const old = this.#find(message.id);
    if (old && !this.#isNewer(message, old)) return false;
    if (!old && this.#isBeforeFirst(message)) return false; // an old message changed that is not loaded
    const item = buildMessage(message, this.#me, this.#mayControl(message));
    if (old && message.status !== "streaming" && showTheSame(old, item)) {
      this.#keepingView(() => takeReactions(old, item));
      return false;
    }
    this.#keepingView(() => {
      if (old) old.replaceWith(item);
      else this.#insert(item);
      this.#follow(item, message.deltaIndex, message.text);
      this.#askRegroup();
    });
    return !old;
  }

  /** Show a message that the server does not have yet, or its new state. One that turns out to be stored is not shown twice. */
  putUnsent(item) {
    if (this.#stored(item.dataset.clientId)) return;
    const old = this.#unsent(item.dataset.clientId);
    this.#keepingView(() => {
      if (old) old.replaceWith(item);
      else this.#list.append(item);
      this.#askRegroup();
    });
  }

  removeUnsent(clientId) {
    const item = this.#unsent(clientId);
    if (item) this.#keepingView(() => item.remove());
  }

  /** Put earlier messages (the server's markup) in front; `opener` is the element that stood for them. */
  prepend(fragment, opener) {
    const items = [...fragment.querySelectorAll(".message")];
    opener.replaceWith(fragment);
    for (const item of items) this.#adopt(item);
    this.#regroup();
  }

  /** Take in one piece of a running answer. */
  addDelta({ messageId, index, text }) {
    const stream = this.#streams.get(messageId);
    if (!stream || index < stream.next) return;
    stream.pieces.set(index, text);
    this.#drain(messageId, stream);
  }

  /** After a lost connection: pieces of running answers were missed. */
  refreshStreams() {
    for (const id of this.#streams.keys()) this.#refetch(id);
  }

  #mayControl(answer) {
    const question = this.#find(answer.parentId);
    return this.#manages || !question || question.dataset.author === this.#me.id; // not loaded: the server decides
  }

  #items() {
    return [...this.#list.querySelectorAll(":scope > .message")];
  }

  #find(id) {
    return id ? this.#list.querySelector(`:scope > .message[data-id="${CSS.escape(id)}"]`) : null;
  }

  #stored(clientId) {
    return this.#list.querySelector(`:scope > .own:not([data-id=""])[data-client-id="${CSS.escape(clientId)}"]`);
  }

  #unsent(clientId) {
    return this.#list.querySelector(`:scope > .message[data-id=""][data-client-id="${CSS.escape(clientId)}"]`);
  }

  #adopt(item) {
    dress(item);
    adoptReactions(item, this.#me);
    this.#follow(item, Number(item.dataset.deltaIndex), item.querySelector(".body").textContent);
  }

  #isNewer(message, old) {
    const version = Number(old.dataset.version);
    if (message.version !== version) return message.version > version;
    return message.status === "streaming" && message.deltaIndex > (this.#streams.get(message.id)?.next ?? 0);
  }

  #isBeforeFirst(message) {
    const first = this.#list.querySelector(":scope > .message");
    const hasEarlier = this.#list.querySelector(":scope > .load-earlier");
    return Boolean(hasEarlier && first && Number(message.id) < Number(first.dataset.id));
  }

  #insert(item) {
    const id = Number(item.dataset.id);
    const after = this.#items().findLast((other) => other.dataset.id && Number(other.dataset.id) < id);
    if (after) after.after(item);
    else this.#list.prepend(item);
  }

  /** Change what is at the end without moving what somebody further up is reading. */
  #keepingView(change) {
    const scrolled = this.#log.scrollTop;
    const height = this.#list.offsetHeight;
    change();
    if (scrolled <= -AT_END_PX) this.#log.scrollTop = scrolled - (this.#list.offsetHeight - height);
  }

  #follow(item, next, text) {
    const { id, status } = item.dataset;
    if (status !== "streaming") {
      clearTimeout(this.#streams.get(id)?.timer);
      this.#streams.delete(id);
      return;
    }
    const before = this.#streams.get(id);
    clearTimeout(before?.timer);
    // A takeover starts again at 0 under a new version; pieces kept from before belong to the text that is gone.
    const sameRun = before && next >= before.next;
    const stream = { text, next, pieces: sameRun ? before.pieces : new Map(), refetches: before?.refetches ?? 0, timer: 0 };
    this.#streams.set(id, stream);
    item.querySelector(".body").className = "body prose preview";
    item.querySelector(".body").replaceChildren();
    this.#drain(id, stream);
  }

  #drain(id, stream) {
    const item = this.#find(id);
    const body = item?.querySelector(".body");
    if (!body) return;
    this.#keepingView(() => {
      for (let text; (text = stream.pieces.get(stream.next)) !== undefined; stream.next++) {
        stream.pieces.delete(stream.next);
        stream.text += text;
      }
      renderPreview(body, stream.text);
      const thinking = item.querySelector(".thinking");
      if (thinking && stream.text) thinking.textContent = "Writing…";
    });
    for (const index of stream.pieces.keys()) if (index < stream.next) stream.pieces.delete(index);
    if (stream.pieces.size && !stream.timer) {
      const wait = REFETCH_MS[Math.min(stream.refetches++, REFETCH_MS.length - 1)];
      stream.timer = setTimeout(() => this.#refetch(id), wait);
    }
  }

  async #refetch(id) {
    const response = await fetch(`/messages/${id}/`, { headers: { Accept: "application/json" } }).catch(() => null);
    const stream = this.#streams.get(id);
    if (stream) stream.timer = 0;
    if (!response?.ok) return;
    this.put(await response.json());
    const now = this.#streams.get(id);
    if (now) this.#drain(id, now); // still a gap: the server saves about once a second, so ask again
  }

  #askRegroup() {
    if (this.#regroupAsked) return;
    this.#regroupAsked = true;
    queueMicrotask(() => {
      this.#regroupAsked = false;
      this.#keepingView(() => this.#regroup());
    });
  }

  /** Days by the reader's clock, and blocks of one author. */
  #regroup() {
    const used = new Set();
    let previous = null;
    for (const item of this.#items()) {
      const at = new Date(item.dataset.at);
      const day = at.toDateString();
      const newDay = previous?.day !== day;
      const marker = item.previousElementSibling?.classList.contains("new-marker") ? item.previousElementSibling : null;
      if (newDay) used.add(this.#dayBefore(marker ?? item, day, at));
      const sameBlock = !newDay && !marker && previous.author === item.dataset.author && at - previous.at < SAME_BLOCK_MS;
      const system = item.dataset.kind === "system";
      item.classList.toggle("continued", Boolean(sameBlock && !system && !previous.system));
      previous = { day, author: item.dataset.author, at, system };
    }
    for (const line of this.#list.querySelectorAll(":scope > .day")) if (!used.has(line)) line.remove();
  }

  #dayBefore(anchor, day, at) {
    const there = anchor.previousElementSibling;
    if (there?.classList.contains("day") && there.dataset.day === day) return there;
    const line = document.createElement("li");
    line.className = "day";
    line.dataset.day = day;
    const label = document.createElement("span");
    label.textContent = dayName(at);
    line.append(label);
    anchor.before(line);
    return line;
  }
}

function dayName(at) {
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (at.toDateString() === today.toDateString()) return "Today";
  if (at.toDateString() === yesterday.toDateString()) return "Yesterday";
  const year = at.getFullYear() === today.getFullYear() ? undefined : "numeric";
  return at.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", year });
}
