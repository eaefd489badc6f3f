// Who is writing just now. A notice that is not renewed ends by itself.

const ENDS_MS = 7000;

export class TypingLine {
  #line;
  #names;
  #me;
  #timers = new Map();

  constructor(line, people, me) {
    this.#line = line;
    this.#names = new Map(people.map((person) => [person.id, person.displayName]));
    this.#me = me;
  }

  changed({ userId, typing }) {
    if (userId === this.#me.id) return;
    if (!typing) return this.stopped(userId);
    clearTimeout(this.#timers.get(userId));
    this.#timers.set(userId, setTimeout(() => this.stopped(userId), ENDS_MS));
    this.#show();
  }

  stopped(userId) {
    clearTimeout(this.#timers.get(userId));
    if (this.#timers.delete(userId)) this.#show();
  }

  clear() {
    for (const userId of [...this.#timers.keys()]) this.stopped(userId);
  }

  #show() {
    const names = [...this.#timers.keys()].map((id) => this.#names.get(id) ?? "Somebody");
    const first = names.slice(0, 2).join(" and ");
    this.#line.textContent = !names.length
      ? ""
      : names.length > 2
        ? "Several people are writing…"
        : `${first} ${names.length > 1 ? "are" : "is"} writing…`;
  }
}
