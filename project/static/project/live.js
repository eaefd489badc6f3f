// The admin's live page: what the namespace /ops sends every two seconds, as numbers, lines and tables.

import { Socket } from "../chat/socket.js";

const HISTORY_LENGTH = 60; // two minutes
const SILENCE_MS = 7_000; // three times the interval: connected, but nothing comes
const STATES = {
  connecting: "Connecting…",
  live: "Live.",
  lost: "The connection is lost; trying again.",
  refused: "You may not watch any more. Sign in again as an admin.",
};

const page = document.querySelector(".live");
const histories = new Map();
let silenceTimer = 0;

function asText(value, unit) {
  if (value === undefined || value === null) return "–";
  if (unit === "rate") return value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en");
  if (unit === "lag") return `${Math.round(value * 1000).toLocaleString("en")} ms`;
  if (unit === "bytes") return `${Math.round(value / 1e6).toLocaleString("en")} MB`;
  if (unit === "duration") return asDuration(Math.round(value));
  return Math.round(value).toLocaleString("en");
}

function asDuration(seconds) {
  const [minutes, hours, days] = [60, 3600, 86_400].map((length) => Math.floor(seconds / length));
  if (days) return `${days} d ${hours % 24} h`;
  if (hours) return `${hours} h ${minutes % 60} min`;
  return minutes ? `${minutes} min` : `${seconds} s`;
}

function setState(state) {
  if (page.dataset.state === state) return;
  page.dataset.state = state;
  document.getElementById("live-state").textContent = STATES[state];
}

function draw(svg, name, value) {
  const history = histories.get(name) ?? [];
  histories.set(name, history);
  history.push(value);
  if (history.length > HISTORY_LENGTH) history.shift();
  const highest = Math.max(...history, 1e-9);
  const step = 100 / (HISTORY_LENGTH - 1);
  const begin = 100 - step * (history.length - 1); // it grows from the right
  const points = history.map((y, x) => `${(begin + x * step).toFixed(1)},${(23 - (22 * y) / highest).toFixed(1)}`);
  svg.querySelector("polyline").setAttribute("points", points.join(" "));
}

function fill(row, title, numbers) {
  row.querySelector("th").textContent = title;
  for (const cell of row.querySelectorAll("[data-figure]")) {
    cell.textContent = asText(numbers[cell.dataset.figure], cell.dataset.unit);
  }
}

/** Bring the rows of a table in line with `[title, numbers]` pairs; rows that stay keep their place. */
function showRows(body, template, pairs) {
  while (body.rows.length > pairs.length) body.lastElementChild.remove();
  while (body.rows.length < pairs.length) body.append(template.content.cloneNode(true));
  pairs.forEach(([title, numbers], n) => fill(body.rows[n], title, numbers));
}

function showService(name, { up, pingMs }) {
  const item = page.querySelector(`[data-service="${CSS.escape(name)}"]`);
  if (!item) return;
  item.dataset.up = up ? "yes" : "no";
  item.querySelector("span").textContent = up ? `up, ${pingMs} ms` : "does not answer";
}

function show({ at, total, processes, services, shared }) {
  setState("live");
  document.getElementById("live-time").textContent = new Date(at * 1000).toLocaleTimeString();
  for (const tile of page.querySelectorAll("[data-total]")) {
    const value = total[tile.dataset.total];
    tile.textContent = asText(value, tile.dataset.unit);
    draw(tile.nextElementSibling, tile.dataset.total, value ?? 0);
  }
  for (const [name, service] of Object.entries(services)) showService(name, service);
  const byId = (id) => document.getElementById(id);
  const named = processes.map((process) => [`${process.host}:${process.pid}`, process]);
  showRows(byId("live-processes"), byId("live-process"), named);
  showRows(byId("live-jobs"), byId("live-job"), Object.entries(shared.jobs ?? {}));
  clearTimeout(silenceTimer);
  silenceTimer = setTimeout(() => setState("lost"), SILENCE_MS);
}

const socket = new Socket({ namespace: "/ops" });
socket.on("figures", show);
socket.on("state", (state) => {
  if (state === "waiting" || state === "offline") setState("lost");
  else if (state === "refused") setState("refused");
});
socket.connect();
