// Files that wait in the composer: each goes to the server as soon as it is chosen or pasted, and then with the next message.

import { span } from "./elements.js";
import { isShown } from "./message_view.js";

const MOST = 10; // of one message, as chat/actions/messages.py
const UPLOAD = `mutation($input: UploadAttachmentInput!) {
  uploadAttachment(input: $input) { id filename mediaType sizeBytes url } }`;

export class ComposerFiles {
  #form;
  #list;
  #roomId;
  #onProblem;
  #files = []; // {item, attachment}; the attachment is null until the server has the file

  constructor(form, { roomId, onProblem }) {
    this.#form = form;
    this.#list = form.querySelector("#composer-files");
    this.#roomId = roomId;
    this.#onProblem = onProblem;
    const input = form.querySelector("#files-input");
    const button = form.querySelector("#add-files");
    button.hidden = false; // it needs this script
    button.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      this.add(input.files);
      input.value = "";
    });
    form.elements.text.addEventListener("paste", (event) => {
      if (!event.clipboardData.files.length) return;
      event.preventDefault();
      this.add(event.clipboardData.files);
    });
  }

  /** Whether a message can leave with them; says so if not. */
  areReady() {
    const ready = this.#files.every((file) => file.attachment);
    if (!ready) this.#onProblem("Your files are still on their way.");
    return ready;
  }

  add(chosen) {
    for (const file of chosen) {
      if (this.#files.length >= MOST) return this.#onProblem(`A message can bring ${MOST} files.`);
      this.#upload(file, this.#show(file.name));
    }
  }

  /** Show files again that the server has: of a message that could not be sent. */
  restore(attachments) {
    for (const attachment of attachments) this.#keep(this.#show(attachment.filename), attachment);
  }

  /** The files for a message that leaves now; none waits any more. */
  take() {
    const taken = this.#files.map((file) => file.attachment);
    this.#files = [];
    this.#list.replaceChildren();
    this.#list.hidden = true;
    return taken;
  }

  #show(name) {
    const item = document.createElement("li");
    item.className = "composer-file";
    const file = { item, attachment: null };
    const remove = document.createElement("button");
    Object.assign(remove, { type: "button", className: "button quiet small", textContent: "Remove" });
    remove.setAttribute("aria-label", `Remove ${name}`);
    remove.addEventListener("click", () => {
      this.#remove(file);
      this.#form.elements.text.focus();
    });
    item.append(span("file-name", name), remove);
    this.#files.push(file);
    this.#list.append(item);
    this.#list.hidden = false;
    return file;
  }

  async #upload(content, file) {
    file.item.setAttribute("aria-busy", "true");
    const data = new FormData();
    const variables = { input: { roomId: this.#roomId, file: null } };
    data.append("operations", JSON.stringify({ query: UPLOAD, variables }));
    data.append("map", JSON.stringify({ 0: ["variables.input.file"] }));
    data.append("0", content);
    const response = await fetch("/graphql", { method: "POST", body: data }).catch(() => null);
    const answer = await response?.json().catch(() => null);
    file.item.removeAttribute("aria-busy");
    const attachment = answer?.data?.uploadAttachment;
    if (attachment) return this.#keep(file, attachment);
    this.#remove(file);
    this.#onProblem(`${content.name}: ${answer?.errors?.[0]?.message ?? "The connection broke. Try again."}`);
  }

  /** The server has it: an image can be shown from there. */
  #keep(file, attachment) {
    file.attachment = attachment;
    if (!isShown(attachment.mediaType)) return;
    const image = document.createElement("img");
    Object.assign(image, { className: "composer-image", alt: "", src: attachment.url });
    file.item.prepend(image);
  }

  #remove(file) {
    this.#files = this.#files.filter((other) => other !== file);
    file.item.remove();
    this.#list.hidden = !this.#files.length;
  }
}
