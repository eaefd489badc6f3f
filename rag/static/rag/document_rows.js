// Rows of documents that are not finished: kept true by asking the server, and made anew for what is being uploaded.

const POLL_MS = 1000;
const UNFINISHED = new Set(["queued", "parsing", "embedding"]);
const WORDS = {
  waiting: "Waiting to be sent",
  uploading: "Uploading",
  queued: "Waiting",
  parsing: "Reading",
  embedding: "Searchable by words",
  ready: "Ready",
  failed: "Failed",
  refused: "Not added",
};

/** A row for a file on its way, with its path in a chosen folder; `showState` and `showProblem` bring it further. */
export function newRow(filename, path = "") {
  const row = document.getElementById("document-row-template").content.querySelector("li").cloneNode(true);
  row.querySelector(".document-title").textContent = filename;
  row.querySelector(".document-meta").textContent = path;
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

export function showWaiting(row) {
  show(row, "waiting");
}

export function showUploaded(row, share) {
  if (row.dataset.status !== "uploading") show(row, "uploading");
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
  showButton(row.querySelector(".document-retry"), `${state.url}retry/`, state.mayRetry);
  showButton(row.querySelector(".document-delete"), `${state.url}delete/`, state.mayDelete);
}

function showButton(form, action, isWanted) {
  if (!form) return; // a row of the server's, in which it has no place
  form.action = action;
  form.hidden = !isWanted;
  form.querySelector("button").disabled = false;
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

// "Try again" and "Delete" happen in their place; without a connection the form leads to a page that says so.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest(".document-retry, .document-delete");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  const response = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } }).catch(() => null);
  if (!response?.ok || response.redirected) return form.submit();
  const row = form.closest(".document-row");
  if (form.matches(".document-delete")) return removeRow(row);
  const [state] = (await response.json()).documents;
  showState(row, state);
  pollRows();
});

/** Take a row away, and the panel of uploads with its last one. */
export function removeRow(row) {
  const list = row.parentElement;
  row.remove();
  if (!list.querySelector(".document-row")) for (const line of list.querySelectorAll(".upload-batch")) line.remove();
  if (list.id === "uploads" && !list.children.length && list.matches(".uploads")) list.hidden = true;
}
