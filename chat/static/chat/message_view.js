// One message as the page shows it. The markup is the server's own (_message.html, as a <template>), filled from a wire message.

import { span } from "./elements.js";
import { fillReactions } from "./reactions.js";

const HUES = 8;
const SHOWN_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"]; // as chat/attachment_types.py
const template = document.getElementById("message-template");

/** Whether a file of this type is shown as an image. */
export const isShown = (mediaType) => SHOWN_TYPES.includes(mediaType);

export const hueOf = (userId) => Number(userId) % HUES || 0;

export function initialsOf(name) {
  const words = name.trim().split(/\s+/);
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends.map((word) => [...word][0] ?? "").join("").toUpperCase() || "?";
}

/** The element of a wire message, for a Reader, who may stop the answer or have it tried again if `mayControl`. */
export function buildMessage(message, reader, mayControl = false) {
  const item = template.content.firstElementChild.cloneNode(true);
  const own = message.author.id === reader.id;
  item.id = `message-${message.id || message.clientId}`;
  item.className = `message kind-${message.kind} status-${message.status}${own ? " own" : ""}`;
  Object.assign(item.dataset, {
    id: message.id,
    version: message.version,
    status: message.status,
    kind: message.kind,
    author: message.author.id,
    at: message.createdAt,
    deltaIndex: message.deltaIndex,
  });
  if (own) item.dataset.clientId = message.clientId;
  fillHead(item, message);
  fillBody(item, message);
  fillState(item, message);
  fillActions(item, message, mayControl);
  fillTools(item, message, own, reader);
  fillSources(item, message);
  fillFiles(item, message);
  fillReactions(item, message, reader);
  return dress(item);
}

/** Whether a piece of the template stays; if not it is taken out. */
function keep(item, selector, wanted) {
  const element = item.querySelector(selector);
  if (!wanted) element.remove();
  return wanted ? element : null;
}

function fillHead(item, message) {
  const avatar = item.querySelector(".avatar");
  avatar.className = `avatar hue-${hueOf(message.author.id)}${message.author.isBot ? " bot" : ""}`;
  avatar.textContent = initialsOf(message.author.displayName);
  item.querySelector(".author").textContent = message.author.displayName;
  keep(item, ".badge", message.author.isBot);
  item.querySelector(".time").href = `#${item.id}`;
  item.querySelector("time").dateTime = message.createdAt;
}

function fillBody(item, message) {
  const body = item.querySelector(".body");
  body.className = "body";
  if (message.deletedAt) {
    body.classList.add("deleted");
    body.textContent = "This message was deleted.";
  } else if (message.status === "streaming" || message.html === null) {
    body.classList.add("streaming");
    body.textContent = message.text;
  } else {
    body.classList.add("prose");
    body.innerHTML = message.html; // rendered and sanitised by the server
  }
}

function fillState(item, message) {
  const streaming = message.status === "streaming";
  item.toggleAttribute("aria-busy", false);
  if (streaming) item.setAttribute("aria-busy", "true");
  keep(item, ".edited", message.editedAt && !message.deletedAt);
  const thinking = keep(item, ".thinking", streaming);
  if (thinking && message.text) thinking.textContent = "Writing…";
  const problem = keep(item, ".message-error", message.error);
  if (problem) problem.querySelector(".message-error-text").textContent = message.error.message;
  keep(item, ".message-note", message.status === "stopped");
}

function fillActions(item, message, mayControl) {
  const stop = keep(item, "form.stop", mayControl && message.status === "streaming");
  if (stop) stop.action = `/messages/${message.id}/stop/`;
  const unfinished = ["failed", "stopped"].includes(message.status) && !message.deletedAt;
  const retry = keep(item, "form.retry", mayControl && unfinished);
  if (retry) retry.action = `/messages/${message.id}/retry/`;
}

function fillTools(item, message, own, reader) {
  const isOpen = message.id && message.status !== "streaming" && !message.deletedAt;
  const react = keep(item, ".message-tools .add-reaction", reader.mayReact && isOpen);
  if (react) react.href = `/messages/${message.id}/react/`;
  const rate = keep(item, ".rate", isOpen && message.kind === "answer" && message.status !== "failed");
  if (rate) rate.href = `/messages/${message.id}/rate/`;
  const edit = keep(item, ".edit", own && message.id && message.kind === "person" && !message.deletedAt);
  if (edit) edit.href = `/messages/${message.id}/edit/`;
}

function fillSources(item, message) {
  const list = keep(item, ".sources", message.citations?.length && !message.deletedAt);
  list?.replaceChildren(...message.citations.map(sourceItem));
}

function sourceItem(citation) {
  const link = document.createElement("a");
  link.className = "source";
  link.href = citation.url;
  link.title = citation.quote;
  link.dataset.pane = "";
  link.dataset.citation = citation.number;
  link.append(span("source-number", citation.number), span("source-title", citation.documentTitle));
  if (citation.page) link.append(span("source-page", `p. ${citation.page}`));
  const item = document.createElement("li");
  item.append(link);
  return item;
}

function fillFiles(item, message) {
  const list = keep(item, ".files", message.attachments?.length);
  list?.replaceChildren(...message.attachments.map(fileItem));
}

function fileItem(file) {
  const link = document.createElement("a");
  link.className = "file";
  link.href = file.url;
  if (isShown(file.mediaType)) {
    link.target = "_blank";
    link.rel = "noopener";
    const image = document.createElement("img");
    Object.assign(image, { className: "file-image", alt: "", loading: "lazy", src: file.url });
    link.append(image);
  } else {
    link.download = "";
  }
  link.append(span("file-name", file.filename), span("file-size", sizeOf(file.sizeBytes)));
  const item = document.createElement("li");
  item.append(link);
  return item;
}

/** A size as people say it, as the server's `file_size`. */
function sizeOf(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(0)} KB`;
  return bytes < 1_000_000_000 ? `${(bytes / 1_000_000).toFixed(1)} MB` : `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}

/** What the server cannot know, or not in its markup: the reader's own clock, and names for the numbers of citations. */
export function dress(item) {
  const time = item.querySelector("time");
  const moment = new Date(time.dateTime);
  time.textContent = moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  time.title = moment.toLocaleString([], { dateStyle: "full", timeStyle: "short" });
  const titles = new Map();
  for (const source of item.querySelectorAll(".source")) {
    titles.set(source.dataset.citation, source.querySelector(".source-title").textContent);
  }
  for (const chip of item.querySelectorAll("a.citation")) {
    const title = titles.get(chip.dataset.citation);
    chip.setAttribute("aria-label", `Source ${chip.dataset.citation}${title ? `: ${title}` : ""}`);
    if (title) chip.title = title;
  }
  return item;
}
