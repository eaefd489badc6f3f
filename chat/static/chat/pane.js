// Details beside the page: a link marked data-pane (or a citation) opens there what it would open as a page.

const shell = document.getElementById("shell");
const pane = document.getElementById("pane");
const body = document.getElementById("pane-body");
let opener = null;

/** Load the page at `url` into the pane. Afterwards "pane-loaded" bubbles from its body. */
export async function openPane(url, link = null) {
  opener?.removeAttribute("aria-expanded");
  opener = link;
  opener?.setAttribute("aria-expanded", "true");
  shell.classList.add("has-pane");
  pane.hidden = false;
  body.setAttribute("aria-busy", "true");
  const html = await fetchFragment(url);
  if (html === null) {
    location.assign(url); // signed out, or gone: the page itself says what is the matter
    return;
  }
  body.innerHTML = html;
  body.removeAttribute("aria-busy");
  body.scrollTop = 0;
  body.querySelector("mark")?.scrollIntoView({ block: "center" });
  const title = body.querySelector(".pane-title");
  if (link) title?.focus({ preventScroll: true });
  body.dispatchEvent(new CustomEvent("pane-loaded", { bubbles: true, detail: { url } }));
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
  document.getElementById("pane-close").addEventListener("click", closePane);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.defaultPrevented && !pane.hidden) closePane();
  });
}
