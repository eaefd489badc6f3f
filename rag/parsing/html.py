"""HTML pages: the text that a reader sees. Nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, LexborNode

from rag.parsing.blocks import BlockBuilder
from rag.parsing.document import Block, ParsedDocument, one_line
from rag.parsing.plain_text import decode_text

_SKIPPED = frozenset(
    """script style noscript template nav footer svg math iframe object embed canvas audio video form button
    select textarea dialog head""".split()
)
_BLOCKS = frozenset(
    """address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure h1
    h2 h3 h4 h5 h6 header hr html li main ol p pre search section summary table tbody td tfoot th thead tr
    ul""".split()
)
_HEADING = re.compile(r"h[1-6]\Z")
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.I)


def parse_html(path: Path) -> ParsedDocument:
    """Return the readable blocks of a page: its `main` part if it has one; no navigation, no hidden text."""
    content = path.read_bytes()
    declared = _DECLARED.search(content, 0, 4096)
    tree = LexborHTMLParser(decode_text(content, declared=declared[1].decode("ascii") if declared else None))
    title = tree.css_first("title")
    return ParsedDocument(one_line(title.text()) if title else "", read_tree(tree))


def read_tree(tree: LexborHTMLParser) -> tuple[Block, ...]:
    """Return the blocks of a parsed page or fragment."""
    main = tree.css_first("main") or tree.css_first("[role=main]")
    root = main if main is not None and main.text(strip=True) else tree.root
    reader = _Reader()
    if root is not None:
        for node, is_entered in _walk(root):
            if node.is_text_node:
                reader.text(node.text_content or "")
            elif is_entered:
                reader.enter(node.tag or "", node)
            else:
                reader.leave(node.tag or "")
    reader.flush()
    return reader.builder.build()


def _walk(root: LexborNode) -> Iterator[tuple[LexborNode, bool]]:
    """Yield nodes in document order: elements when entered (True) and when left (False), text once.

    Without recursion, since a hostile page nests deeper than Python's stack. Skipped elements are left out.
    """
    to_visit = [(root, True)]
    while to_visit:
        node, is_entered = to_visit.pop()
        if node.is_text_node or not is_entered:
            yield node, is_entered
        elif node.is_element_node and not _is_skipped(node):
            yield node, True
            to_visit.append((node, False))
            child = node.last_child
            while child is not None:
                to_visit.append((child, True))
                child = child.prev


def _is_skipped(node: LexborNode) -> bool:
    if node.tag in _SKIPPED:
        return True
    attributes = node.attributes
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or bool(_HIDDEN_STYLE.search(attributes.get("style") or ""))
    )


class _Reader:
    """Turns what a walk over the page meets into blocks."""

    def __init__(self) -> None:
        self.builder = BlockBuilder()
        self._words: list[str] = []
        self._block = ""  # tag of the innermost open heading, list item, or pre
        self._lists: list[int | None] = []  # number of the last item of each open list, None if not numbered
        self._rows: list[list[str]] = []
        self._in_table = False

    def text(self, text: str) -> None:
        self._words.append(text)

    def enter(self, tag: str, node: LexborNode) -> None:
        if tag == "br":
            self._words.append("\n")
        elif self._in_table:
            self._enter_in_table(tag)
        elif tag in _BLOCKS:
            self.flush()
            if _HEADING.match(tag) or tag in ("pre", "li"):
                self._block = tag
            elif tag in ("ul", "ol"):
                self._lists.append(0 if tag == "ol" else None)
            elif tag == "table":
                # A table around headings or other tables only lays out the page.
                self._in_table = node.css_first("h1, h2, h3, h4, h5, h6, tr table") is None

    def leave(self, tag: str) -> None:
        if self._in_table:
            if tag == "table":
                self._in_table = False
                self._end_cell()
                self.builder.add_table(self._rows)
                self._rows = []
        elif tag in _BLOCKS:
            self.flush()
            if tag in ("ul", "ol") and self._lists:
                self._lists.pop()
            if tag == self._block:
                self._block = ""

    def flush(self) -> None:
        """End the block that is open; its text so far becomes a block of its kind."""
        text = "".join(self._words)
        self._words.clear()
        if not text.strip():
            return
        if _HEADING.match(self._block):
            self.builder.add_heading(int(self._block[1]), text)
        elif self._block == "pre":
            self.builder.add_verbatim(text)
        elif self._block == "li":
            self.builder.add_item(text, mark=self._item_mark(), depth=max(0, len(self._lists) - 1))
            self._block = ""  # a second paragraph of the item has no mark
        else:
            self.builder.add_paragraph(text)

    def _item_mark(self) -> str:
        if not self._lists or self._lists[-1] is None:
            return "•"
        self._lists[-1] += 1
        return f"{self._lists[-1]}."

    def _enter_in_table(self, tag: str) -> None:
        if tag == "tr":
            self._end_cell()
            self._rows.append([])
        elif tag in ("td", "th"):
            self._end_cell()
            if not self._rows:
                self._rows.append([])
            self._rows[-1].append("")
        elif tag in _BLOCKS:
            self._words.append(" ")

    def _end_cell(self) -> None:
        text = "".join(self._words)
        self._words.clear()
        if self._rows and self._rows[-1]:
            self._rows[-1][-1] += text
        elif text.strip():
            self._rows.append([text])
