// Elements that several views make.

/** A span of that class around a text. */
export function span(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}
