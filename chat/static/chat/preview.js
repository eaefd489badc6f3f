// A running answer while it grows: the little Markdown that answers use, as elements, never as HTML. What the server
// renders when the answer is complete replaces it. Only blocks that changed are made anew, so a selection stays.

const FENCE = /^\s*```/;
const ITEM = /^\s*(?:[-*+]|\d{1,3}[.)])\s+/;
const QUOTE = /^\s*>\s?/;
const HEADING = /^\s*#{1,6}\s+/;
const INLINE = /\\([!-/:-@[-`{-~])|`([^`\n]+)`|\*\*(\S(?:.*?\S)?)\*\*|(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])|\[(\d{1,3})\]/g;
const sources = new WeakMap(); // element -> the text it was made of

/** Show `text` in `body`. */
export function renderPreview(body, text) {
  const blocks = splitBlocks(text);
  blocks.forEach((block, place) => {
    const old = body.children[place];
    const source = `${block.kind}\n${block.lines.join("\n")}`;
    if (old && sources.get(old) === source) return;
    const element = ELEMENTS[block.kind](block.lines);
    sources.set(element, source);
    if (old) old.replaceWith(element);
    else body.append(element);
  });
  while (body.children.length > blocks.length) body.lastElementChild.remove();
}

function splitBlocks(text) {
  const blocks = [];
  let open = null;
  for (const line of text.split("\n")) {
    if (open?.kind === "code") {
      if (FENCE.test(line)) open = null;
      else open.lines.push(line);
      continue;
    }
    if (!line.trim()) {
      open = null;
      continue;
    }
    const kind = kindOf(line);
    const goesOn = open && (open.kind === kind || (open.kind === "list" && kind === "text")) && kind !== "heading";
    if (!goesOn || kind === "code") blocks.push((open = { kind, lines: [] }));
    if (kind !== "code") open.lines.push(line);
  }
  return blocks;
}

function kindOf(line) {
  if (FENCE.test(line)) return "code";
  if (QUOTE.test(line)) return "quote";
  if (ITEM.test(line)) return "list";
  return HEADING.test(line) ? "heading" : "text";
}

const ELEMENTS = {
  text: (lines) => element("p", inline(lines.join("\n"))),
  heading: (lines) => element("p", [element("strong", inline(lines[0].replace(HEADING, "")))]),
  quote: (lines) => element("blockquote", inline(lines.map((line) => line.replace(QUOTE, "")).join("\n"))),
  code: (lines) => element("pre", [element("code", [lines.join("\n")])]),
  list(lines) {
    const items = [];
    for (const line of lines) {
      if (ITEM.test(line) || !items.length) items.push(line.replace(ITEM, ""));
      else items[items.length - 1] += `\n${line.trim()}`;
    }
    const list = element(/^\s*\d/.test(lines[0]) ? "ol" : "ul", items.map((item) => element("li", inline(item))));
    if (list.localName === "ol") list.start = parseInt(lines[0], 10);
    return list;
  },
};

function element(name, children, className = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function inline(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    nodes.push(...lines(text.slice(end, match.index)), inlineNode(match));
    end = match.index + match[0].length;
  }
  return [...nodes, ...lines(text.slice(end))];
}

function inlineNode([, escaped, code, strong, emphasis, citation]) {
  if (escaped !== undefined) return escaped;
  if (code !== undefined) return element("code", [code]);
  if (strong !== undefined) return element("strong", inline(strong));
  if (emphasis !== undefined) return element("em", inline(emphasis));
  return element("span", [citation], "citation"); // a source that is still to be checked
}

const lines = (text) => text.split("\n").flatMap((line, place) => (place ? [document.createElement("br"), line] : [line])).filter((part) => part !== "");
