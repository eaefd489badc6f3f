// The popup with frequent emoji and a link to the page that takes any, opened by a message's "add a reaction". Arrow keys
// move in its grid, Escape closes it.

const GAP_PX = 6;
const EDGE_PX = 8;

export class ReactionPicker {
  #popup;
  #choices;
  #onChoose;
  #opener = null;
  #item = null;

  /** `onChoose(messageId, emoji)` is called with what was chosen. */
  constructor(popup, onChoose) {
    this.#popup = popup;
    this.#choices = [...popup.querySelectorAll("button, a")];
    this.#onChoose = onChoose;
    popup.addEventListener("click", (event) => this.#choose(event.target.closest("button")));
    popup.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("pointerdown", ({ target }) => {
      if (!popup.contains(target) && !this.#opener?.contains(target)) this.close({ refocus: false });
    });
    addEventListener("resize", () => this.close());
  }

  /** Open beside `opener`, a link in the message's element; when it is open there, close. */
  open(item, opener) {
    const isOpenHere = this.#opener === opener;
    this.close();
    if (isOpenHere) return;
    this.#opener = opener;
    this.#item = item;
    opener.setAttribute("aria-expanded", "true");
    this.#popup.querySelector("a").href = opener.href;
    this.#popup.showPopover();
    this.#place(opener.getBoundingClientRect());
    this.#focus(0);
  }

  close({ refocus = true } = {}) {
    if (!this.#opener) return;
    const opener = this.#opener;
    this.#opener = null;
    opener.removeAttribute("aria-expanded");
    this.#popup.hidePopover();
    if (!refocus) return;
    // The chips may have been drawn anew meanwhile.
    const there = opener.isConnected ? opener : document.getElementById(this.#item.id)?.querySelector(".add-reaction");
    there?.focus({ preventScroll: true });
  }

  #place(anchor) {
    const { width, height } = this.#popup.getBoundingClientRect();
    const above = anchor.top - height - GAP_PX;
    const left = Math.min(anchor.right - width, innerWidth - width - EDGE_PX);
    this.#popup.style.top = `${above >= EDGE_PX ? above : anchor.bottom + GAP_PX}px`;
    this.#popup.style.left = `${Math.max(EDGE_PX, left)}px`;
  }

  #choose(button) {
    if (!button) return;
    const id = this.#item.dataset.id;
    this.close();
    this.#onChoose(id, button.value);
  }

  #key(event) {
    const at = this.#choices.indexOf(document.activeElement);
    const columns = getComputedStyle(this.#popup).gridTemplateColumns.split(" ").length;
    const last = this.#choices.length - 1;
    const steps = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns, Home: 0, End: last };
    if (event.key in steps) this.#focus(Math.max(0, Math.min(last, steps[event.key])));
    else if (event.key === "Escape" || event.key === "Tab") this.close();
    else return;
    event.preventDefault();
  }

  #focus(index) {
    this.#choices.forEach((choice, n) => (choice.tabIndex = n === index ? 0 : -1));
    this.#choices[index].focus();
  }
}
