// Changing or deleting one's own message in its place. Without a connection the link leads to a page that does the same.

/** Open an editor in the message's element; `request` sends to the server, `refuse` tells why something did not work. */
export async function editMessage(item, request, fetchMessage, refuse) {
  const message = await fetchMessage(item.dataset.id);
  if (!message || item.querySelector(".message-edit")) return;
  const body = item.querySelector(".body");
  const form = document.createElement("form");
  form.className = "message-edit";
  const box = document.createElement("textarea");
  box.value = message.text;
  box.maxLength = 20000;
  box.setAttribute("aria-label", "Edit message");
  const row = document.createElement("div");
  row.className = "inline-row";
  row.append(button("Save", "primary", "submit"), button("Cancel"), button("Delete", "danger"));
  form.append(box, row);
  body.hidden = true;
  body.after(form);
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
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    finish("edit-message", box.value);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault();
      close();
    } else if (event.key === "Enter" && !event.shiftKey && event.target === box && !event.isComposing) {
      event.preventDefault();
      finish("edit-message", box.value);
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
