// Details beside the page: a link marked data-pane (or a citation) opens there what it would open as a page. An open pane
// is a step of the browser's history, so that "back" closes it (on a phone it covers the room).

const shell = document.getElementById("shell");
const pane = document.getElementById("pane");
const body = document.getElementById("pane-body");
let opener = null;
let turn = 0; // of what was asked for last; what comes for an earlier one is dropped

/** Load the page at `url` into the pane. Afterwards "pane-loaded" bubbles from its body. */
export async function openPane(url, link = null) {
  const state = { ...history.state, pane: url };
  if (history.state?.pane) history.replaceState(state, "");
  else history.pushState(state, "");
  if (!(await load(url, link))) location.replace(url); // signed out, or gone: the page itself says what is the matter
}

/** Whether the pane shows the page now, or something that was asked for after it. */
async function load(url, link) {
  const own = ++turn;
  opener?.removeAttribute("aria-expanded");
  opener = link;
  opener?.setAttribute("aria-expanded", "true");
  shell.classList.add("has-pane");
  pane.hidden = false;
  body.setAttribute("aria-busy", "true");
  const html = await fetchFragment(url);
  if (own !== turn) return true;
  body.removeAttribute("aria-busy");
  if (html === null) return false;
  body.innerHTML = html;
  body.scrollTop = 0;
  body.querySelector("mark")?.scrollIntoView({ block: "center" });
  const title = body.querySelector(".pane-title");
  if (link) title?.focus({ preventScroll: true });
  body.dispatchEvent(new CustomEvent("pane-loaded", { bubbles: true, detail: { url } }));
  return true;
}

/** The fragment of a page, or null if it cannot be had. */
async function fetchFragment(url) {
  try {
    const response = await fetch(url, { headers: { "X-Fragment": "1" } });
    return response.ok && !response.redirected ? await response.text() : null;
  } catch {
    return null;
  }
}

export function closePane() {
  if (pane.hidden) return;
  hide();
  if (history.state?.pane) history.back();
}

function hide() {
  turn++;
  pane.hidden = true;
  shell.classList.remove("has-pane");
  body.replaceChildren();
  opener?.removeAttribute("aria-expanded");
  if (opener?.isConnected) opener.focus();
  opener = null;
}

export function startPane() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-pane], a.citation");
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (link === opener && !pane.hidden) closePane();
    else openPane(link.getAttribute("href"), link);
  });
  addEventListener("popstate", ({ state }) => restore(state));
  restore(history.state);
  document.getElementById("pane-close").addEventListener("click", closePane);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !pane.hidden) closePane();
  });
}

/** Show what the history says: after "back" and "forward", and on a page that is loaded again. */
async function restore(state) {
  if (!state?.pane) {
    if (!pane.hidden) hide();
  } else if (!(await load(state.pane, null))) {
    hide();
    history.replaceState({ ...history.state, pane: null }, "");
  }
}
