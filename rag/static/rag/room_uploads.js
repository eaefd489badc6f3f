// Documents into a room: the attach button, files dropped anywhere on it, and the panel of the room's files.

import { pollRows, removeRow } from "./document_rows.js";
import { acceptDrops, takeOverForm, uploadFiles } from "./upload.js";

const DONE_SHOWN_MS = 6000;

const room = document.getElementById("room");
const attach = document.getElementById("attach");
const input = document.getElementById("attach-input");
const uploads = document.getElementById("uploads");

if (attach) {
  attach.addEventListener("click", (event) => {
    event.preventDefault();
    input.click();
  });
  input.addEventListener("change", () => {
    uploadFiles(input.files, input.dataset.url, uploads);
    input.value = "";
  });
  acceptDrops(
    room,
    (isOver) => (document.getElementById("drop-hint").hidden = !isOver),
    (files) => uploadFiles(files, input.dataset.url, uploads),
  );
  new MutationObserver(tidy).observe(uploads, { subtree: true, childList: true, attributeFilter: ["data-status"] });
}

/** What is ready is no news for long; what went wrong stays until it is dismissed. */
function tidy() {
  for (const row of uploads.children) {
    if (row.dataset.status === "ready" && !row.dataset.leaving) {
      row.dataset.leaving = "true";
      setTimeout(() => removeRow(row), DONE_SHOWN_MS);
    }
    if (["refused", "failed"].includes(row.dataset.status) && !row.querySelector(".dismiss")) row.querySelector(".document-buttons").append(dismissButton(row));
  }
}

function dismissButton(row) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button small dismiss";
  button.textContent = "Dismiss";
  button.addEventListener("click", () => removeRow(row));
  return button;
}

document.addEventListener("pane-loaded", (event) => {
  const form = event.target.querySelector("form[data-upload]");
  if (form) takeOverForm(form, event.target.querySelector("[data-documents]"));
  pollRows();
});
