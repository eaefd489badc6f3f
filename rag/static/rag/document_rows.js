// Rows of documents that are not finished: kept true by asking the server, and made anew for what is being uploaded.

const POLL_MS = 1000;
const UNFINISHED = new Set(["queued", "parsing", "embedding"]);
const WORDS = {
  uploading: "Uploading",
  queued: "Waiting",
  parsing: "Reading",
  embedding: "Searchable by words",
  ready: "Ready",
  failed: "Failed",
  refused: "Not added",
};

/** A row for a file on its way; `showState` and `showProblem` bring it further. */
export function newRow(filename) {
  const row = document.getElementById("document-row-template").content.querySelector("li").cloneNode(true);
  row.querySelector(".document-title").textContent = filename;
  row.querySelector("progress").setAttribute("aria-label", `Progress of ${filename}`);
  show(row, "uploading");
  return row;
}

function show(row, status) {
  row.dataset.status = status;
  row.className = `document-row status-${status}`;
  row.querySelector(".document-status").textContent = WORDS[status];
  row.querySelector("progress").hidden = !UNFINISHED.has(status) && status !== "uploading";
}

export function showUploaded(row, share) {
  const bar = row.querySelector("progress");
  bar.max = 1;
  bar.value = share;
}

/** The state of a document as the server tells it. */
export function showState(row, state) {
  row.dataset.document = state.id;
  show(row, state.status);
  const title = row.querySelector(".document-title");
  title.textContent = state.title;
  title.href = state.url;
  const bar = row.querySelector("progress");
  if (state.status === "embedding" && state.chunkCount) {
    bar.max = state.chunkCount;
    bar.value = state.embeddedCount;
  } else {
    bar.removeAttribute("value"); // moving, without a length
  }
  row.querySelector(".document-error").textContent = state.status === "failed" ? state.error : "";
  const retry = row.querySelector(".document-retry");
  if (!retry) return;
  retry.action = `${state.url}retry/`;
  retry.hidden = state.status !== "failed";
}

export function showProblem(row, text) {
  show(row, "refused");
  row.querySelector(".document-error").textContent = text;
}

let polling = false;

/** Ask about every unfinished row of the page once a second, until none is left. */
export async function pollRows() {
  if (polling) return;
  polling = true;
  for (;;) {
    const rows = [...document.querySelectorAll("[data-document]")].filter((row) => row.dataset.document && UNFINISHED.has(row.dataset.status));
    if (!rows.length) break;
    const ids = [...new Set(rows.map((row) => row.dataset.document))].slice(0, 100);
    const states = document.hidden ? [] : await fetchStates(ids);
    for (const state of states) {
      for (const row of rows) if (row.dataset.document === state.id) showState(row, state);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  polling = false;
}

async function fetchStates(ids) {
  try {
    const response = await fetch(`/documents/status/?ids=${ids.join(",")}`, { headers: { Accept: "application/json" } });
    return response.ok && !response.redirected ? (await response.json()).documents : [];
  } catch {
    return []; // no connection: asked again in a second
  }
}
