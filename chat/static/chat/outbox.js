// Messages on their way: kept in the browser until the server has them, sent again with the same id of their own, so that
// a retry posts nothing twice.

import { keepText } from "./storage.js";

const RETRY_MS = 3000;
const MOST_TRIES = 3; // of a message over which the server fails; it must not hold up the others for ever
const WORTH_A_RETRY = new Set(["RATE_LIMITED", "UNAVAILABLE", "INTERNAL"]);

export class Outbox {
  /** Called with an entry `{clientId, roomId, text, attachments, at, problem}` when it changed, and with the stored message once sent. */
  onChange = () => {};
  onSent = () => {};
  #key;
  #socket;
  #flushing = false;
  #timer = 0;
  #inMemory = null; // the entries, where the browser has no room for them: they then last as long as the page

  constructor(socket, userId) {
    this.#socket = socket;
    this.#key = `parley.outbox.${userId}`;
  }

  entries() {
    if (this.#inMemory) return this.#inMemory;
    try {
      return JSON.parse(localStorage.getItem(this.#key)) ?? [];
    } catch {
      return [];
    }
  }

  add(roomId, text, attachments = []) {
    const entry = { clientId: newId(), roomId, text, attachments, at: new Date().toISOString(), problem: "", failures: 0 };
    this.#save([...this.entries(), entry]);
    this.onChange(entry);
    this.flush();
    return entry;
  }

  remove(clientId) {
    this.#save(this.entries().filter((entry) => entry.clientId !== clientId));
  }

  /** Send one again that was given up. */
  retry(clientId) {
    const entry = this.entries().find((other) => other.clientId === clientId);
    if (!entry) return;
    this.#replace({ ...entry, problem: "", failures: 0 });
    this.flush();
  }

  /** Send what waits, oldest first, one after the other. */
  async flush() {
    if (this.#flushing || !this.#socket.connected) return;
    this.#flushing = true;
    try {
      for (let entry; (entry = this.entries().find((waiting) => !waiting.problem)); ) {
        if (!(await this.#send(entry))) break;
      }
    } finally {
      this.#flushing = false;
    }
  }

  async #send(entry) {
    const { clientId, roomId, text, attachments = [] } = entry;
    const attachmentIds = attachments.map((attachment) => attachment.id);
    let ack;
    try {
      ack = await this.#socket.request("send-message", roomId, { text, clientId, attachmentIds });
    } catch {
      this.#retryIn(RETRY_MS);
      return false;
    }
    if (ack.ok) {
      this.remove(clientId);
      this.onSent(ack.message);
    } else if (this.#isWorthARetry(entry, ack.error)) {
      this.#retryIn((ack.error.retryAfter ?? RETRY_MS / 1000) * 1000);
      return false;
    } else {
      entry.problem = ack.error?.message ?? "This message could not be sent.";
      this.#replace(entry);
    }
    return true;
  }

  #isWorthARetry(entry, error) {
    if (error?.code === "INTERNAL") this.#save(this.#with({ ...entry, failures: (entry.failures = (entry.failures ?? 0) + 1) }));
    return WORTH_A_RETRY.has(error?.code) && entry.failures < MOST_TRIES;
  }

  #with(entry) {
    return this.entries().map((other) => (other.clientId === entry.clientId ? entry : other));
  }

  #replace(entry) {
    this.#save(this.#with(entry));
    this.onChange(entry);
  }

  #retryIn(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), delay);
  }

  #save(entries) {
    this.#inMemory = keepText(this.#key, JSON.stringify(entries)) ? null : entries;
  }
}

function newId() {
  // randomUUID exists only on https and localhost; Parley also runs on plain http in a house network.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
