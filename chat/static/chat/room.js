// A room's page, live.

import { Composer } from "./composer.js";
import { ComposerFiles } from "./composer_files.js";
import { editMessage } from "./message_editor.js";
import { buildMessage } from "./message_view.js";
import { MentionCompletion } from "./mentions.js";
import { Outbox } from "./outbox.js";
import { me, sidebar, socket } from "./page.js";
import { ReactionPicker } from "./reaction_picker.js";
import { Reader } from "./reactions.js";
import { Timeline } from "./timeline.js";
import { toast } from "./toast.js";
import { TypingLine } from "./typing_line.js";

const room = document.getElementById("room");
const log = document.getElementById("log");
const toLatest = document.getElementById("to-latest");
const roomId = room.dataset.roomId;
const isMember = room.dataset.member === "true";
const isHistory = room.dataset.history === "true";
const people = JSON.parse(document.getElementById("people").textContent);

const reader = new Reader(me, room.dataset.mayReact === "true");
people.forEach((person) => reader.knows(person));
const timeline = new Timeline(document.getElementById("messages"), log, reader, room.dataset.manages === "true");
const typing = new TypingLine(document.getElementById("typing"), people, me);
const outbox = new Outbox(socket, me.id);
const READ_AFTER_MS = 300;
let missed = 0; // new messages below what is in view
let readVersion = Number(room.dataset.read);
let composer = null;

// ------------------------------------------------------------------------------------------------- what arrives

function arrived(message, isNew) {
  if (message.roomId !== roomId || (isHistory && !timeline.has(message.id))) return;
  reader.knows(message.author);
  const wasAtEnd = timeline.isAtEnd;
  const isFirst = timeline.put(message);
  if (message.kind !== "system") document.getElementById("empty-room")?.remove();
  if (isNew && isFirst && message.author.id !== me.id) {
    typing.stopped(message.author.id);
    if (!wasAtEnd) showMissed(missed + 1);
  }
  markRead();
}

socket.on("new-message", (message) => arrived(message, true));
socket.on("message-updated", (message) => arrived(message, false));
socket.on("message-delta", (delta) => timeline.addDelta(delta));
sidebar.onLost = (lostId) => {
  if (lostId !== roomId) return;
  room.dataset.lost = "true";
  showConnection(socket.state);
};
socket.on("typing", (event) => event.roomId === roomId && typing.changed(event));

// ------------------------------------------------------------------------------------------------ what is read

let readTimer = 0;
let seenVersion = 0; // the highest that was in view; the server hears of it a moment later
let hasSeenOpening = false;
const isPresent = () => !document.hidden && document.hasFocus() && !isHistory;
const isLooking = () => isPresent() && timeline.isAtEnd;
sidebar.isReading = (id) => id === roomId && isLooking();

/** What is at the end is read when one looks at the end; what the page opened with is read wherever it opened. */
function markRead() {
  if (!isMember || !isPresent()) return;
  if (isLooking()) seenVersion = sidebar.versions.get(roomId) ?? 0;
  else if (!hasSeenOpening) seenVersion = Number(room.dataset.version);
  hasSeenOpening = true;
  clearTimeout(readTimer);
  readTimer = setTimeout(tellRead, READ_AFTER_MS);
}

async function tellRead() {
  clearTimeout(readTimer);
  if (seenVersion <= readVersion) return;
  const version = seenVersion;
  const ack = await socket.request("mark-read", roomId, version).catch(() => null);
  if (!ack?.ok) return;
  readVersion = Math.max(readVersion, version);
  sidebar.setUnread(roomId, ack.unread);
}

/** The page goes, and its connection with it: what was seen is told by a request that outlives both. */
function flushRead() {
  if (seenVersion <= readVersion) return;
  clearTimeout(readTimer);
  readVersion = seenVersion;
  const form = new FormData();
  form.set("csrfmiddlewaretoken", document.querySelector("input[name=csrfmiddlewaretoken]").value);
  form.set("version", seenVersion);
  navigator.sendBeacon(`/rooms/${roomId}/read/`, form);
}

function showMissed(count) {
  missed = count;
  toLatest.hidden = timeline.isAtEnd;
  document.getElementById("to-latest-text").textContent =
    count === 0 ? "Latest messages" : count === 1 ? "1 new message" : `${count} new messages`;
}

log.addEventListener("scroll", () => {
  if (timeline.isAtEnd) missed = 0;
  showMissed(missed);
  markRead();
});
toLatest.addEventListener("click", () => {
  timeline.toEnd();
  composer?.focus();
});
addEventListener("focus", markRead);
addEventListener("pagehide", flushRead);
document.addEventListener("visibilitychange", () => (document.hidden ? tellRead() : markRead()));

// ------------------------------------------------------------------------------------------------- connection

const WORDS = {
  connecting: "Connecting…",
  waiting: "Reconnecting… What you send is kept and goes out when the connection is back.",
  offline: "You are offline. What you send is kept and goes out when the connection is back.",
  refused: "You are signed out. Reload the page to sign in again.",
  lost: "This room is not open to you any more. What you see here is not kept up to date.",
};
let wasConnected = false;
let connectionTimer = 0;

function showConnection(state) {
  const line = document.getElementById("connection");
  clearTimeout(connectionTimer);
  if (room.dataset.lost) {
    line.hidden = false;
    line.textContent = WORDS.lost;
    return;
  }
  if (state === "connected") line.hidden = true;
  // A moment's break is no news; the line then stays until the connection is back.
  const wait = state === "offline" || state === "refused" || !line.hidden ? 0 : 1500;
  if (state === "connected") return;
  connectionTimer = setTimeout(() => {
    line.hidden = false;
    line.textContent = state === "connecting" && wasConnected ? WORDS.waiting : WORDS[state];
  }, wait);
}

socket.on("state", (state) => {
  showConnection(state);
  room.dataset.connection = state;
  if (state !== "connected") return typing.clear();
  if (wasConnected) timeline.refreshStreams();
  wasConnected = true;
  outbox.flush();
  markRead();
});

// ----------------------------------------------------------------------------------------------------- sending

function unsentItem(entry) {
  const item = buildMessage(
    {
      id: "", clientId: entry.clientId, version: 0, kind: "person", status: "final", author: { ...me, isBot: false },
      text: entry.text, html: null, error: entry.problem ? { message: entry.problem } : null, citations: [],
      reactions: [], attachments: entry.attachments ?? [], deltaIndex: 0, createdAt: entry.at, editedAt: null, deletedAt: null,
    },
    reader,
  );
  item.classList.add(entry.problem ? "refused" : "pending");
  const actions = item.querySelector(".message-actions");
  if (entry.problem) actions.append(action("Send again", "resend"), action("Edit", "restore"), action("Discard", "discard"));
  else actions.before(waitingNote());
  return item;
}

function waitingNote() {
  const note = document.createElement("p");
  note.className = "message-note waiting"; // seen after a moment: most messages do not wait
  note.textContent = "Waiting to be sent";
  return note;
}

function action(text, name) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button small";
  button.dataset.action = name;
  button.textContent = text;
  return button;
}

outbox.onChange = (entry) => entry.roomId === roomId && timeline.putUnsent(unsentItem(entry));
outbox.onSent = (message) => {
  if (message.roomId !== roomId) return;
  if (isHistory && sentHere.has(message.clientId)) location.assign(location.pathname); // where it stands: among the latest
  else arrived(message, false);
};
const sentHere = new Set(); // what was written on this page of earlier messages

function startComposer(form) {
  const completion = new MentionCompletion(form.elements.text, document.getElementById("completion"), people);
  composer = new Composer(form, {
    draftKey: `parley.draft.${me.id}.${roomId}`,
    maxCharacters: Number(room.dataset.maxCharacters),
    completion,
    files: new ComposerFiles(form, { roomId, onProblem: toast }),
    onSend: (text, attachments) => {
      document.getElementById("empty-room")?.remove();
      sentHere.add(outbox.add(roomId, text, attachments).clientId);
      timeline.toEnd();
    },
    onTyping: (isTyping) => socket.emit("typing", roomId, isTyping),
  });
  if (isHistory) return; // what waits stands below the latest, and there one writes next
  for (const entry of outbox.entries()) outbox.onChange(entry);
  if (matchMedia("(hover: hover)").matches && !location.hash.startsWith("#message-")) composer.focus();
}

// ------------------------------------------------------------------------------------------- buttons in messages

async function fetchMessage(id) {
  const response = await fetch(`/messages/${id}/`, { headers: { Accept: "application/json" } }).catch(() => null);
  return response?.ok ? response.json() : null;
}

const NO_CONNECTION = "There is no connection just now.";

/** Add the reader's reaction to a message or take it back. */
async function setReaction(messageId, emoji, isOwn) {
  reader.mark(messageId, emoji, isOwn); // before the event comes, which need not name the reader
  const ack = await socket.request(isOwn ? "react" : "unreact", messageId, emoji).catch(() => null);
  if (ack?.ok) return arrived(ack.message, false);
  reader.mark(messageId, emoji, !isOwn);
  toast(ack?.error?.message ?? NO_CONNECTION);
}

const pickerPopup = document.getElementById("reaction-picker"); // absent for who cannot react here
const picker = pickerPopup && new ReactionPicker(pickerPopup, (id, emoji) => setReaction(id, emoji, true));
if (picker) log.addEventListener("scroll", () => picker.close());

const ACTIONS = {
  react: (item, link) => picker.open(item, link),
  toggle: (item, chip) => setReaction(item.dataset.id, chip.value, chip.getAttribute("aria-pressed") === "false"),
  async stop(item, button) {
    button.disabled = true;
    const ack = await socket.request("stop-answer", item.dataset.id).catch(() => null);
    if (ack?.ok) return;
    button.disabled = false;
    toast(ack?.error?.message ?? NO_CONNECTION);
  },
  async retry(item, button) {
    button.disabled = true;
    const form = button.closest("form");
    const headers = { Accept: "application/json" };
    const response = await fetch(form.action, { method: "POST", body: new FormData(form), headers }).catch(() => null);
    if (response?.ok) return;
    button.disabled = false;
    const answer = await response?.json().catch(() => null);
    toast(answer?.error?.message ?? NO_CONNECTION);
  },
  edit: (item) => editMessage(item, (...args) => socket.request(...args), fetchMessage, toast),
  discard(item) {
    outbox.remove(item.dataset.clientId);
    timeline.removeUnsent(item.dataset.clientId);
    composer.focus();
  },
  resend: (item) => outbox.retry(item.dataset.clientId),
  restore(item) {
    const entry = outbox.entries().find(({ clientId }) => clientId === item.dataset.clientId);
    ACTIONS.discard(item);
    if (entry) composer.restore(entry.text, entry.attachments);
  },
};

document.getElementById("messages").addEventListener("click", (event) => {
  const button = event.target.closest("[data-action]");
  if (!button || event.ctrlKey || event.metaKey || (button.href && !socket.connected)) return;
  event.preventDefault();
  ACTIONS[button.dataset.action](button.closest(".message"), button);
});

// ---------------------------------------------------------------------------------------------- earlier messages

async function loadEarlier(link) {
  if (link.getAttribute("aria-busy")) return;
  link.setAttribute("aria-busy", "true");
  const response = await fetch(link.href, { headers: { "X-Fragment": "1" } }).catch(() => null);
  if (!response?.ok || response.redirected) return link.removeAttribute("aria-busy");
  const holder = document.createElement("template");
  holder.innerHTML = await response.text();
  log.setAttribute("aria-live", "off"); // old messages are no news
  timeline.prepend(holder.content, link.closest(".load-earlier"));
  setTimeout(() => log.removeAttribute("aria-live"), 100);
  watchEarlier();
}

const earlierInView = new IntersectionObserver(
  (entries) => entries.forEach((entry) => entry.isIntersecting && loadEarlier(entry.target)),
  { root: log, rootMargin: "600px 0px 0px 0px" },
);

function watchEarlier() {
  earlierInView.disconnect();
  const link = document.getElementById("load-earlier");
  if (link) earlierInView.observe(link);
}

document.getElementById("messages").addEventListener("click", (event) => {
  if (event.target.id !== "load-earlier") return;
  event.preventDefault();
  loadEarlier(event.target);
});

const form = document.getElementById("composer");
if (form) startComposer(form);
if (!isHistory) watchEarlier();
