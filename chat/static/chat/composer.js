// Where one writes: Enter sends, Shift+Enter begins a line, a draft survives the page.

import { keepText } from "./storage.js";
import { TextLimit } from "./text_limit.js";

const TYPING_EVERY_MS = 3000;
const TYPING_ENDS_MS = 5000;

export class Composer {
  #form;
  #box;
  #draftKey;
  #onSend;
  #onTyping;
  #files;
  #saidTyping = 0;
  #typingTimer = 0;
  #limit;

  constructor(form, { draftKey, maxCharacters, completion, files, onSend, onTyping }) {
    this.#form = form;
    this.#box = form.elements.text;
    this.#draftKey = draftKey;
    this.#onSend = onSend;
    this.#onTyping = onTyping;
    this.#files = files;
    this.#box.removeAttribute("required"); // an empty message is simply not sent, without a bubble
    if (!this.#box.value) this.#box.value = localStorage.getItem(draftKey) ?? "";
    this.#limit = new TextLimit(this.#box, document.getElementById("text-length"), maxCharacters);
    this.#limit.show();
    this.#fit();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#box.addEventListener("input", () => this.#changed());
    this.#box.addEventListener("keydown", (event) => {
      if (!event.isComposing && !completion.handleKey(event)) this.#key(event);
    });
  }

  focus() {
    this.#box.focus();
  }

  /** Put a text, and its files, back that could not be sent. */
  restore(text, attachments = []) {
    this.#files.restore(attachments);
    this.#box.value = this.#box.value ? `${text}\n${this.#box.value}` : text;
    this.#changed();
    this.focus();
  }

  #key(event) {
    const onPhone = matchMedia("(pointer: coarse) and (hover: none)").matches; // there Enter is the only way to a new line
    if (event.key !== "Enter" || event.shiftKey || onPhone) return;
    event.preventDefault();
    this.#send();
  }

  #send() {
    const text = this.#box.value.trim();
    if (!this.#files.areReady() || !this.#limit.show()) return;
    const attachments = this.#files.take();
    if (!text && !attachments.length) return;
    this.#box.value = "";
    this.#changed();
    this.#stopTyping();
    this.#onSend(text, attachments);
    this.focus();
  }

  #changed() {
    if (this.#box.value) keepText(this.#draftKey, this.#box.value);
    else localStorage.removeItem(this.#draftKey);
    this.#limit.show();
    this.#fit();
    if (this.#box.value) this.#isTyping();
    else this.#stopTyping();
  }

  #isTyping() {
    if (Date.now() - this.#saidTyping > TYPING_EVERY_MS) {
      this.#saidTyping = Date.now();
      this.#onTyping(true);
    }
    clearTimeout(this.#typingTimer);
    this.#typingTimer = setTimeout(() => this.#stopTyping(), TYPING_ENDS_MS);
  }

  #stopTyping() {
    clearTimeout(this.#typingTimer);
    if (this.#saidTyping) this.#onTyping(false);
    this.#saidTyping = 0;
  }

  #fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.#box.style.height = "auto";
    this.#box.style.height = `${this.#box.scrollHeight}px`;
  }
}
