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

const NOTICE_SHOWN_MS = 8000;

/** That something went well is no news for long in a room, which stays open. */
export function passNotices() {
  for (const notice of document.querySelectorAll(".room > .notices > .success")) {
    setTimeout(() => (notice.parentElement.childElementCount > 1 ? notice : notice.parentElement).remove(), NOTICE_SHOWN_MS);
  }
}
