// How much may be written: told near the limit. Nothing is cut; a text that is too long stays where it is and is not sent.

const TOLD_FROM = 0.9; // of the limit

export class TextLimit {
  #box;
  #line;
  #limit;

  /** `line` tells about the text in `box`, which may have `limit` characters; 0 or NaN: no limit is known here. */
  constructor(box, line, limit) {
    this.#box = box;
    this.#line = line;
    this.#limit = limit || Infinity;
    box.addEventListener("input", () => this.show());
  }

  /** Say how long the text is, if that matters. Returns whether it can be sent. */
  show() {
    const text = this.#box.value.trim();
    // The server counts characters, `length` counts the halves of some of them, so it is never too small.
    const length = text.length > this.#limit * TOLD_FROM ? [...text].length : 0;
    const tooMany = length - this.#limit;
    this.#line.textContent = length <= this.#limit * TOLD_FROM ? "" : `${count(length)} of ${count(this.#limit)} characters`;
    if (tooMany > 0) this.#line.textContent += `: ${count(tooMany)} too many to send`;
    this.#line.classList.toggle("error", tooMany > 0);
    this.#box.setAttribute("aria-invalid", String(tooMany > 0));
    return tooMany <= 0;
  }
}

const count = (number) => number.toLocaleString();
