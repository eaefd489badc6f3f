// Files to the server, one request each, with progress. The form's own token makes the request one of this site.

import { newRow, pollRows, showProblem, showState, showUploaded } from "./document_rows.js";

/** Upload each file to `url`, with a row in `list` that shows how it goes. `fields` go along with each. */
export function uploadFiles(files, url, list, fields = {}) {
  list.hidden = false;
  list.querySelector("[data-empty]")?.remove();
  for (const file of files) {
    const row = newRow(file.name);
    list.prepend(row);
    uploadFile(file, url, row, fields);
  }
}

function uploadFile(file, url, row, fields) {
  const data = new FormData();
  for (const [name, value] of Object.entries({ csrfmiddlewaretoken: csrfToken(), ...fields })) data.append(name, value);
  data.append("file", file);
  const request = new XMLHttpRequest(); // fetch has no progress of what is sent
  request.open("POST", url);
  request.setRequestHeader("Accept", "application/json");
  request.responseType = "json";
  request.upload.onprogress = (event) => event.lengthComputable && showUploaded(row, event.loaded / event.total);
  request.onerror = () => showProblem(row, "The connection broke. Try again.");
  request.onload = () => {
    const [state] = request.response?.documents ?? [];
    if (!state) return showProblem(row, request.response?.error?.message ?? "The server did not take this file.");
    showState(row, state);
    pollRows();
  };
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
    onFiles([...event.dataTransfer.files]);
  });
}

/** Take over a page's upload form: files go up as soon as they are chosen, with progress, into `list`. */
export function takeOverForm(form, list) {
  const input = form.elements.file;
  form.querySelector("[type=submit]").hidden = true;
  input.addEventListener("change", () => {
    if (isComplete(form)) uploadFiles(input.files, form.action, list, fieldsOf(form));
    input.value = "";
  });
}

/** Whether it is said where the files go; if not, the browser points it out. */
export const isComplete = (form) => form.elements.collection?.reportValidity() ?? true;

export const fieldsOf = (form) => (form.elements.collection ? { collection: form.elements.collection.value } : {});
