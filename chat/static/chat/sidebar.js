// The room list: joins the feed of each of one's rooms, and counts what arrives in the others.

const STALE_AFTER_MS = 60_000;
const WORTH_A_RETRY = new Set(["RATE_LIMITED", "UNAVAILABLE", "INTERNAL"]);

export class Sidebar {
  onRefresh = () => {};
  onLost = () => {};
  /** The highest version seen of each room, by id: where a lost connection goes on. */
  versions = new Map();
  #nav;
  #socket;
  #me;
  #url;
  #hiddenSince = 0;
  #joined = new Set();
  #joinTimer = 0;

  constructor(nav, socket, me, url) {
    this.#nav = nav;
    this.#socket = socket;
    this.#me = me;
    this.#url = url;
    this.#noteVersions();
    socket.on("state", (state) => this.#stateChanged(state));
    socket.on("new-message", (message) => this.#arrived(message));
    socket.on("message-updated", (message) => this.#saw(message));
    socket.on("room-updated", (update) => this.#updated(update));
    socket.on("room-lost", ({ roomId }) => this.#lost(roomId));
    document.addEventListener("visibilitychange", () => this.#visibilityChanged());
    this.#showTitle();
  }

  /** Show how many messages of a room are unread. */
  setUnread(roomId, unread, mentions = unread ? undefined : 0) {
    const item = this.#item(roomId);
    if (!item) return;
    item.dataset.unread = unread;
    if (mentions !== undefined) item.dataset.mentions = mentions;
    item.classList.toggle("has-unread", unread > 0);
    const count = item.querySelector(".count");
    count.hidden = unread === 0;
    count.classList.toggle("mentioned", Number(item.dataset.mentions) > 0 || count.dataset.direct === "true");
    count.querySelector(".count-number").textContent = unread > 99 ? "99+" : unread;
    this.#showTitle();
  }

  /** Ask the server for the list anew: rooms came or went, or the page slept. */
  async refresh() {
    const response = await fetch(this.#url, { headers: { "X-Fragment": "1" } }).catch(() => null);
    if (!response?.ok || response.redirected) return;
    const holder = document.createElement("template");
    holder.innerHTML = await response.text();
    const fresh = holder.content.querySelector("nav");
    if (!fresh) return;
    const scrolled = this.#nav.querySelector(".sidebar-scroll")?.scrollTop ?? 0;
    this.#nav.replaceChildren(...fresh.childNodes);
    this.#nav.querySelector(".sidebar-scroll").scrollTop = scrolled;
    this.#noteVersions();
    this.#showTitle();
    this.onRefresh();
    if (this.#socket.connected) this.#joinRooms();
  }

  #item(roomId) {
    return this.#nav.querySelector(`[data-room="${CSS.escape(roomId)}"]`);
  }

  #noteVersions() {
    for (const item of this.#nav.querySelectorAll("[data-room]")) {
      if (!this.versions.has(item.dataset.room)) this.versions.set(item.dataset.room, Number(item.dataset.version));
    }
  }

  #stateChanged(state) {
    if (state !== "connected") return;
    this.#joined.clear();
    this.#joinRooms();
  }

  #joinRooms() {
    clearTimeout(this.#joinTimer);
    for (const item of this.#nav.querySelectorAll("[data-room]")) {
      const roomId = item.dataset.room;
      if (!this.#joined.has(roomId)) this.#join(roomId);
    }
  }

  async #join(roomId) {
    this.#joined.add(roomId);
    const since = this.versions.get(roomId);
    const ack = await this.#socket.request("join-room", roomId, { since }).catch(() => null);
    if (ack?.ok) return;
    if (ack && !WORTH_A_RETRY.has(ack.error?.code)) return this.#lost(roomId);
    this.#joined.delete(roomId);
    clearTimeout(this.#joinTimer);
    this.#joinTimer = setTimeout(() => this.#socket.connected && this.#joinRooms(), (ack?.error.retryAfter ?? 3) * 1000);
  }

  /** The room is not, or no longer, open to the reader. It stays among the joined, so that it is not asked for again. */
  #lost(roomId) {
    this.onLost(roomId);
    this.refresh();
  }

  #saw(message) {
    const before = this.versions.get(message.roomId) ?? 0;
    if (message.version > before) this.versions.set(message.roomId, message.version);
    return message.version > before;
  }

  #arrived(message) {
    const isNews = this.#saw(message);
    const item = this.#item(message.roomId);
    if (!isNews || !item || message.author.id === this.#me.id || this.isReading(message.roomId)) return;
    const mentioned = message.html.toLowerCase().includes(`>@${this.#me.username.toLowerCase()}<`);
    // The list was rendered at `version`; a count of the server may have come before the message that it counts.
    const isRendered = message.version <= Number(item.dataset.version);
    const isCounted = isRendered || message.version <= Number(item.dataset.counted ?? 0);
    const mentions = Number(item.dataset.mentions) + Number(mentioned && !isRendered);
    this.setUnread(message.roomId, Number(item.dataset.unread) + Number(!isCounted), mentions);
  }

  /** The server's own count, which also falls when the room is read on another device. */
  #updated({ roomId, version, unread }) {
    const item = this.#item(roomId);
    if (!item) {
      this.refresh();
    } else if (!this.isReading(roomId) && version >= this.versions.get(roomId)) {
      item.dataset.counted = version;
      this.setUnread(roomId, unread);
    } // an older count is followed by a newer one
  }

  /** Whether the reader is looking at the end of that room just now; a room's page says so. */
  isReading() {
    return false;
  }

  #showTitle() {
    const total = [...this.#nav.querySelectorAll("[data-unread]")].reduce((sum, item) => sum + Number(item.dataset.unread), 0);
    const title = document.title.replace(/^\(\d+\) /, "");
    document.title = total ? `(${total}) ${title}` : title;
  }

  #visibilityChanged() {
    if (document.hidden) this.#hiddenSince = Date.now();
    else if (this.#hiddenSince && Date.now() - this.#hiddenSince > STALE_AFTER_MS) this.refresh();
  }
}
