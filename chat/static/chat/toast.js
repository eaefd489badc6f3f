// A line that says what did not work, and goes away by itself.

const SHOWN_MS = 7000;
let line = null;
let timer = 0;

export function toast(text) {
  if (!line) {
    line = document.createElement("p");
    line.className = "toast";
    line.setAttribute("role", "status");
    document.body.append(line);
  }
  line.hidden = false;
  line.textContent = text;
  clearTimeout(timer);
  timer = setTimeout(() => (line.hidden = true), SHOWN_MS);
}
