// What every signed-in page does: one connection, a room list that stays true, details beside the page, the theme.

import { startPane } from "./pane.js";
import { Sidebar } from "./sidebar.js";
import { Socket } from "./socket.js";
import { passNotices } from "./toast.js";

export const shell = document.getElementById("shell");
export const me = { id: shell.dataset.userId, username: shell.dataset.username, displayName: shell.dataset.displayName };
export const socket = new Socket();
export const sidebar = new Sidebar(document.getElementById("sidebar"), socket, me, shell.dataset.sidebarUrl);

function startThemeToggle() {
  const root = document.documentElement;
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (systemDark.matches ? "dark" : "light")) === "dark";
  const show = () => {
    const button = document.getElementById("theme-toggle");
    button.hidden = false;
    button.setAttribute("aria-pressed", String(isDark()));
  };
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#theme-toggle")) return;
    const chosen = isDark() ? "light" : "dark";
    // Choosing what the system says gives the choice back to the system.
    if (chosen === (systemDark.matches ? "dark" : "light")) {
      delete root.dataset.theme;
      localStorage.removeItem("parley.theme");
    } else {
      root.dataset.theme = chosen;
      localStorage.setItem("parley.theme", chosen);
    }
    show();
  });
  systemDark.addEventListener("change", show);
  sidebar.onRefresh = show;
  show();
}

/** Times in the reader's own clock and way of writing them, which the server cannot know. */
function localiseTimes() {
  for (const time of document.querySelectorAll("time[data-local]")) {
    time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  }
}

startThemeToggle();
localiseTimes();
passNotices();
startPane();
socket.connect();
