// Files to the server, one request each, with progress. The form's own token makes the request one of this site.

import { newRow, pollRows, showProblem, showState, showUploaded, showWaiting } from "./document_rows.js";

const AT_ONCE = 3; // more would only share the line, and keep the server from others
const ASK_ABOVE = 1000;

const waiting = [];
let running = 0;
window.addEventListener("beforeunload", (event) => (running || waiting.length) && event.preventDefault());

/**
 * Upload files to `url`, with a row in `list` for each that shows how it goes, and a line on all of them above it.
 * `files` are Files, or `{file, path}` with the path in a chosen folder. `fields` go along with each. Files that a
 * folder only happens to hold, and of types that cannot be read, are named and left out.
 */
export function uploadFiles(files, url, list, fields = {}) {
  const entries = [...files].map((file) => (file.file ? file : { file, path: "" }));
  entries.sort((one, other) => one.path.localeCompare(other.path)); // browsers give a folder in any order
  const skipped = entries.map((entry) => reasonToSkip(entry)).filter(Boolean);
  const wanted = entries.filter((entry) => !reasonToSkip(entry));
  if (wanted.length > ASK_ABOVE && !window.confirm(`Upload ${wanted.length} files?`)) return;
  list.hidden = false;
  list.querySelector("[data-empty]")?.remove();
  const batch = entries.length > 1 || skipped.length ? newBatch(list, wanted.length, skipped) : null;
  const rows = wanted.map((entry) => ({ ...entry, row: newRow(entry.file.name, entry.path) }));
  list.prepend(...(batch ? [batch.line] : []), ...rows.map(({ row }) => row));
  for (const entry of rows) start({ ...entry, url, fields, batch });
}

function start(upload) {
  showWaiting(upload.row);
  waiting.push(upload);
  next();
}

function next() {
  while (running < AT_ONCE && waiting.length) {
    running += 1;
    const upload = waiting.shift();
    uploadFile(upload, (problem) => {
      running -= 1;
      upload.batch?.ended(problem);
      if (problem) {
        showProblem(upload.row, problem);
        offerAgain(upload);
      }
      next();
    });
  }
}

/** Why a file of a folder is not sent; undefined if it is. What somebody chose by itself the server judges. */
function reasonToSkip({ file, path }) {
  if (!path) return undefined;
  if (path.split("/").some((part) => part.startsWith("."))) return `${path} (hidden)`;
  if (!file.size) return `${path} (empty)`;
  const readable = document.querySelector("input[type=file][accept]")?.accept.split(",") ?? [];
  const isRead = !readable.length || readable.some((ending) => file.name.toLowerCase().endsWith(ending.trim().toLowerCase()));
  return isRead ? undefined : `${path} (of a type that cannot be read)`;
}

/** The line above the rows of files that were chosen together. */
function newBatch(list, count, skipped) {
  const line = document.createElement("li");
  line.className = "upload-batch";
  const told = line.appendChild(document.createElement("span"));
  told.setAttribute("role", "status");
  let done = 0;
  let failed = 0;
  const show = () => {
    const parts = [`${done} of ${count} files sent`];
    if (failed) parts.push(`${failed} not added`);
    if (skipped.length) parts.push(`${skipped.length} left out: ${skipped.slice(0, 5).join(", ")}${skipped.length > 5 ? " …" : ""}`);
    told.textContent = parts.join("; ");
  };
  show();
  return {
    line,
    ended(problem) {
      done += problem ? 0 : 1;
      failed += problem ? 1 : 0;
      show();
    },
    again() {
      failed -= 1;
      show();
    },
  };
}

function offerAgain(upload) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button small";
  button.textContent = "Try again";
  button.addEventListener("click", () => {
    button.remove();
    upload.row.querySelector(".dismiss")?.remove();
    upload.row.querySelector(".document-error").textContent = "";
    upload.batch?.again();
    start(upload);
  });
  upload.row.querySelector(".document-buttons").append(button);
}

function uploadFile({ file, path, url, row, fields }, ended) {
  const data = new FormData();
  for (const [name, value] of Object.entries({ csrfmiddlewaretoken: csrfToken(), source: path, ...fields })) data.append(name, value);
  data.append("file", file);
  const request = new XMLHttpRequest(); // fetch has no progress of what is sent
  request.open("POST", url);
  request.setRequestHeader("Accept", "application/json");
  request.responseType = "json";
  request.upload.onprogress = (event) => event.lengthComputable && showUploaded(row, event.loaded / event.total);
  request.onerror = () => ended("The connection broke. Try again.");
  request.onload = () => {
    const [state] = request.response?.documents ?? [];
    if (!state) return ended(request.response?.error?.message ?? "The server did not take this file.");
    showState(row, state);
    pollRows();
    ended();
  };
  showUploaded(row, 0);
  request.send(data);
}

const csrfToken = () => document.querySelector("input[name=csrfmiddlewaretoken]").value;

/** Let files be dropped on `target`. `onOver(true|false)` shows it. */
export function acceptDrops(target, onOver, onFiles) {
  let depth = 0; // dragenter and dragleave come for each element within
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  target.addEventListener("dragenter", (event) => hasFiles(event) && ++depth === 1 && onOver(true));
  target.addEventListener("dragleave", (event) => hasFiles(event) && --depth === 0 && onOver(false));
  target.addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  target.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    onOver(false);
    // Asked for at once: the event's items are gone when it is over.
    const dropped = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
    if (dropped.every((entry) => entry instanceof File || entry?.isFile)) onFiles([...event.dataTransfer.files]);
    else Promise.all(dropped.filter(Boolean).map(filesBelow)).then((found) => onFiles(found.flat()));
  });
}

/** The files of a dropped entry and of all folders in it, each with its path. */
async function filesBelow(entry) {
  if (entry instanceof File) return [entry];
  const path = entry.fullPath.replace(/^\/+/, "");
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ file, path: path.includes("/") ? path : "" }];
  }
  const reader = entry.createReader();
  const entries = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // a hundred at a time
    if (!some.length) break;
    entries.push(...some);
  }
  return (await Promise.all(entries.map(filesBelow))).flat();
}

/** Take over a page's upload form: files go up as soon as they are chosen, with progress, into `list`. */
export function takeOverForm(form, list) {
  const input = form.elements.file;
  form.querySelector("[type=submit]").hidden = true;
  input.addEventListener("change", () => {
    if (isComplete(form)) uploadFiles(input.files, form.action, list, fieldsOf(form));
    input.value = "";
  });
  addFolderButton(form, list);
}

function addFolderButton(form, list) {
  const folder = document.createElement("input");
  if (!("webkitdirectory" in folder)) return;
  Object.assign(folder, { type: "file", webkitdirectory: true, multiple: true, hidden: true });
  const button = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: "Choose a folder" });
  button.addEventListener("click", () => isComplete(form) && folder.click());
  folder.addEventListener("change", () => {
    const files = [...folder.files].map((file) => ({ file, path: file.webkitRelativePath }));
    uploadFiles(files, form.action, list, fieldsOf(form));
    folder.value = "";
  });
  form.querySelector(".upload-choose").after(button, folder);
}

/** Whether it is said where the files go; if not, the browser points it out. */
export const isComplete = (form) => form.elements.collection?.reportValidity() ?? true;

/** What goes along with each file: where it is added, and whether it takes the place of an older version. */
export function fieldsOf(form) {
  const { collection, replace } = form.elements;
  return { ...(collection && { collection: collection.value }), ...(replace?.checked && { replace: "on" }) };
}
