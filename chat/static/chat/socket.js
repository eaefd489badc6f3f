// A Socket.IO client of what Parley needs: Engine.IO 4 over WebSocket, one namespace, events, acks with a time limit,
// and a connection that comes back by itself. The session cookie says who connects; nothing secret is in the page.

const ACK_TIMEOUT_MS = 10_000;
const OPEN_TIMEOUT_MS = 10_000;
const FIRST_DELAY_MS = 400;
const LONGEST_DELAY_MS = 10_000;
const REFUSALS = new Set(["UNAUTHENTICATED", "FORBIDDEN"]);

export class Socket {
  /** States: "connecting", "connected", "waiting" (for the next attempt), "offline", "refused" (sign in again). */
  state = "connecting";
  #url;
  #prefix;
  #ws = null;
  #handlers = new Map();
  #acks = new Map();
  #nextAck = 1;
  #attempt = 0;
  #retryTimer = 0;
  #silenceTimer = 0;
  #silenceLimitMs = OPEN_TIMEOUT_MS;

  constructor({ path = "/socket.io/", namespace = "/" } = {}) {
    this.#prefix = namespace === "/" ? "" : `${namespace},`; // stands before the data of each packet
    const url = new URL(path, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.search = "?EIO=4&transport=websocket";
    this.#url = url;
    addEventListener("online", () => this.#retryNow());
    addEventListener("offline", () => this.#ws && this.#abandon());
    addEventListener("pageshow", (event) => event.persisted && this.#retryNow());
    addEventListener("pagehide", () => this.#ws?.close());
    document.addEventListener("visibilitychange", () => document.hidden || this.#retryNow());
  }

  /** Call `handler` for an event of the server, or for "state" with each change of the connection's state. */
  on(name, handler) {
    if (!this.#handlers.has(name)) this.#handlers.set(name, []);
    this.#handlers.get(name).push(handler);
  }

  connect() {
    clearTimeout(this.#retryTimer);
    this.#setState("connecting");
    const ws = new WebSocket(this.#url);
    this.#ws = ws;
    this.#silenceLimitMs = OPEN_TIMEOUT_MS;
    this.#expectLife();
    ws.onmessage = (event) => this.#ws === ws && this.#receive(event.data);
    ws.onclose = () => this.#ws === ws && this.#lost();
  }

  get connected() {
    return this.state === "connected";
  }

  /** Send without asking for an answer; dropped while there is no connection. */
  emit(name, ...args) {
    if (this.connected) this.#ws.send(`42${this.#prefix}${JSON.stringify([name, ...args])}`);
  }

  /** Send and wait for the ack. Rejects when there is no connection, or no answer in time: the server may still have acted. */
  request(name, ...args) {
    if (!this.connected) return Promise.reject(new Error("not connected"));
    const id = this.#nextAck++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(id, () => reject(new Error("no answer in time"))), ACK_TIMEOUT_MS);
      this.#acks.set(id, { resolve, reject, timer });
      this.#ws.send(`42${this.#prefix}${id}${JSON.stringify([name, ...args])}`);
    });
  }

  #receive(packet) {
    this.#expectLife();
    const type = packet[0];
    if (type === "0") this.#opened(JSON.parse(packet.slice(1)));
    else if (type === "2") this.#ws.send("3");
    else if (type === "1") this.#ws.close();
    else if (type === "4") this.#message(packet[1], packet.slice(2 + this.#prefix.length));
  }

  #opened({ pingInterval, pingTimeout }) {
    this.#silenceLimitMs = pingInterval + pingTimeout;
    this.#ws.send(`40${this.#prefix}{"recovery":false}`); // each page asks by version for what it missed
  }

  #message(type, rest) {
    if (type === "0") {
      this.#attempt = 0;
      this.#setState("connected");
    } else if (type === "1") {
      this.#ws.close();
    } else if (type === "2") {
      const [name, ...args] = JSON.parse(rest.replace(/^\d+/, ""));
      this.#call(name, ...args);
    } else if (type === "3") {
      const id = parseInt(rest, 10);
      this.#settle(id, ({ resolve }) => resolve(JSON.parse(rest.slice(String(id).length))[0]));
    } else if (type === "4") {
      if (REFUSALS.has(JSON.parse(rest || "{}").data?.code)) this.#setState("refused");
      this.#ws.close();
    }
  }

  #settle(id, how) {
    const waiting = this.#acks.get(id);
    if (!waiting) return;
    this.#acks.delete(id);
    clearTimeout(waiting.timer);
    how(waiting);
  }

  #expectLife() {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => this.#abandon(), this.#silenceLimitMs);
  }

  #abandon() {
    this.#ws?.close();
    this.#lost(); // a dead network can keep `close` waiting
  }

  #lost() {
    this.#ws = null;
    clearTimeout(this.#silenceTimer);
    for (const id of [...this.#acks.keys()]) this.#settle(id, ({ reject }) => reject(new Error("connection lost")));
    if (this.state === "refused") return;
    this.#setState(navigator.onLine ? "waiting" : "offline");
    const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempt++);
    this.#retryTimer = setTimeout(() => this.connect(), delay * (0.5 + Math.random()));
  }

  #retryNow() {
    if (this.#ws || this.state === "refused") return;
    this.#attempt = 0;
    this.connect();
  }

  #setState(state) {
    if (state === this.state && state !== "connected") return;
    this.state = state;
    this.#call("state", state);
  }

  #call(name, ...args) {
    for (const handler of this.#handlers.get(name) ?? []) handler(...args);
  }
}
