// Completion of @names in the composer, by keyboard or pointer. The text box keeps the focus throughout.

import { hueOf, initialsOf } from "./message_view.js";

const TYPED = /(^|[^\w@/.+-])@([\w.+-]*)$/u;
const MOST = 8;

export class MentionCompletion {
  #box;
  #list;
  #people;
  #found = [];
  #chosen = 0;

  constructor(box, list, people) {
    this.#box = box;
    this.#list = list;
    this.#people = people;
    box.setAttribute("aria-autocomplete", "list");
    box.setAttribute("aria-controls", list.id);
    box.addEventListener("input", () => this.#update());
    box.addEventListener("blur", () => this.close());
    box.addEventListener("click", () => this.#update());
    list.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the box keeps the focus
      const option = event.target.closest("li");
      if (option) this.#take(this.#found[Number(option.dataset.index)]);
    });
  }

  get isOpen() {
    return !this.#list.hidden;
  }

  /** Whether the key was one for the list. */
  handleKey(event) {
    if (!this.isOpen) return false;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) {
      this.#chosen = (this.#chosen + steps[event.key] + this.#found.length) % this.#found.length;
      this.#show();
    } else if (event.key === "Enter" || event.key === "Tab") {
      this.#take(this.#found[this.#chosen]);
    } else if (event.key === "Escape") {
      this.close();
    } else {
      return false;
    }
    event.preventDefault();
    return true;
  }

  close() {
    this.#list.hidden = true;
    this.#box.removeAttribute("aria-activedescendant");
  }

  #typed() {
    const before = this.#box.value.slice(0, this.#box.selectionStart);
    return TYPED.exec(before)?.[2].toLowerCase();
  }

  #update() {
    const typed = this.#typed();
    this.#found = typed === undefined ? [] : this.#people.filter((person) => matches(person, typed)).slice(0, MOST);
    this.#chosen = 0;
    const isComplete = this.#found.length === 1 && this.#found[0].username.toLowerCase() === typed;
    if (!this.#found.length || isComplete) this.close();
    else this.#show();
  }

  #show() {
    this.#list.replaceChildren(...this.#found.map((person, index) => this.#option(person, index)));
    this.#list.hidden = false;
    const chosen = this.#list.children[this.#chosen];
    this.#box.setAttribute("aria-activedescendant", chosen.id);
    chosen.scrollIntoView({ block: "nearest" });
  }

  #option(person, index) {
    const option = document.createElement("li");
    option.id = `completion-${index}`;
    option.dataset.index = index;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", String(index === this.#chosen));
    const avatar = document.createElement("span");
    avatar.className = `avatar hue-${hueOf(person.id)}${person.isBot ? " bot" : ""}`;
    avatar.setAttribute("aria-hidden", "true");
    avatar.textContent = initialsOf(person.displayName);
    const name = document.createElement("span");
    name.textContent = person.displayName;
    const handle = document.createElement("span");
    handle.className = "muted";
    handle.textContent = person.isBot ? `@${person.username} · asks the documents` : `@${person.username}`;
    option.append(avatar, name, handle);
    return option;
  }

  #take(person) {
    const caret = this.#box.selectionStart;
    const start = caret - this.#typed().length;
    this.#box.setRangeText(`${person.username} `, start, caret, "end");
    this.close();
    this.#box.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function matches(person, typed) {
  const words = [person.username, ...person.displayName.split(/\s+/)];
  return words.some((word) => word.toLowerCase().startsWith(typed));
}
