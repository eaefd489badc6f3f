// Changing or deleting one's own message in its place. Without a connection the link leads to a page that does the same.

import { TextLimit } from "./text_limit.js";

/** Open an editor in the message's element; `request` sends to the server, `refuse` tells why something did not work. */
export async function editMessage(item, request, fetchMessage, refuse) {
  const message = await fetchMessage(item.dataset.id);
  if (!message || item.querySelector(".message-edit")) return;
  const body = item.querySelector(".body");
  const form = document.createElement("form");
  form.className = "message-edit";
  const box = document.createElement("textarea");
  box.value = message.text;
  box.setAttribute("aria-label", "Edit message");
  const row = document.createElement("div");
  row.className = "inline-row";
  row.append(button("Save", "primary", "submit"), button("Cancel"), button("Delete", "danger"));
  const length = document.createElement("p");
  length.className = "text-length";
  length.setAttribute("role", "status");
  form.append(box, length, row);
  body.hidden = true;
  body.after(form);
  const limit = new TextLimit(box, length, Number(document.getElementById("room").dataset.maxCharacters));
  limit.show();
  box.focus();

  const close = () => {
    form.remove();
    body.hidden = false;
    item.querySelector(".edit")?.focus();
  };
  const finish = async (name, ...args) => {
    const ack = await request(name, message.id, ...args).catch(() => null);
    if (ack?.ok) close();
    else refuse(ack?.error?.message ?? "There is no connection just now. Nothing was changed.");
  };
  const save = () => limit.show() && finish("edit-message", box.value);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault();
      close();
    } else if (event.key === "Enter" && !event.shiftKey && event.target === box && !event.isComposing) {
      event.preventDefault();
      save();
    }
  });
  row.children[1].addEventListener("click", close);
  row.children[2].addEventListener("click", () => finish("delete-message"));
}

function button(text, kind = "", type = "button") {
  const element = document.createElement("button");
  element.type = type;
  element.className = `button small ${kind}`;
  element.textContent = text;
  return element;
}
