// The document pages: uploads with progress, and states that change by themselves.

import { pollRows } from "./document_rows.js";
import { acceptDrops, fieldsOf, isComplete, takeOverForm, uploadFiles } from "./upload.js";

const form = document.querySelector("form[data-upload]");
if (form) {
  const list = document.getElementById("uploads") ?? document.querySelector("[data-documents]");
  const target = document.querySelector("[data-drop]") ?? document.getElementById("content");
  takeOverForm(form, list);
  acceptDrops(
    target,
    (isOver) => target.classList.toggle("is-dropping", isOver),
    (files) => isComplete(form) && uploadFiles(files, form.action, list, fieldsOf(form)),
  );
}
pollRows();
