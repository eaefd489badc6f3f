"""Markdown (CommonMark with tables and front matter): the text without its marks, code kept as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from rag.parsing.blocks import BlockBuilder
from rag.parsing.document import ParsedDocument, one_line
from rag.parsing.plain_text import decode_text

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_TITLE = re.compile(r"^title:[ \t]*(.+)$", re.M)


def parse_markdown(path: Path) -> ParsedDocument:
    """Return the blocks of a Markdown file; its title is the front matter's, else its first top heading."""
    text = decode_text(path.read_bytes())
    title = ""
    front_matter = _FRONT_MATTER.match(text)
    if front_matter:
        text = text[front_matter.end() :]
        if found := _TITLE.search(front_matter[1]):
            title = one_line(found[1].strip("\"' "))
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    reader = _Reader()
    for position, token in enumerate(tokens):
        reader.read(token, tokens[position - 1] if position else None)
    return ParsedDocument(title or reader.first_title, reader.builder.build())


class _Reader:
    """Turns the flat token stream into blocks."""

    def __init__(self) -> None:
        self.builder = BlockBuilder()
        self.first_title = ""
        self._lists: list[int | None] = []  # number of the next item of each open list, None if not numbered
        self._mark = ""  # of the item whose first paragraph is still to come
        self._rows: list[list[str]] = []

    def read(self, token: Token, before: Token | None) -> None:
        match token.type:
            case "bullet_list_open":
                self._lists.append(None)
            case "ordered_list_open":
                self._lists.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "list_item_open":
                self._mark = self._next_mark()
            case "list_item_close":
                self._mark = ""
            case "fence" | "code_block":
                self.builder.add_verbatim(token.content)
            case "html_block":
                self._read_html(token.content)
            case "tr_open":
                self._rows.append([])
            case "table_close":
                self.builder.add_table(self._rows)
                self._rows = []
            case "inline":
                self._read_inline(token, before)

    def _read_inline(self, token: Token, before: Token | None) -> None:
        text = _plain(token.children or ())
        opened = before.type if before else ""
        if opened == "heading_open" and before is not None:
            level = int(before.tag[1])
            if level == 1 and not self.first_title:
                self.first_title = one_line(text)
            self.builder.add_heading(level, text)
        elif opened in ("td_open", "th_open"):
            self._rows[-1].append(text)
        elif self._mark:
            self.builder.add_item(text, mark=self._mark, depth=len(self._lists) - 1)
            self._mark = ""
        else:
            self.builder.add_paragraph(text)

    def _next_mark(self) -> str:
        number = self._lists[-1] if self._lists else None
        if number is None:
            return "•"
        self._lists[-1] = number + 1
        return f"{number}."

    def _read_html(self, content: str) -> None:
        from selectolax.lexbor import LexborHTMLParser

        from rag.parsing.html import read_tree

        for block in read_tree(LexborHTMLParser(content)):
            self.builder.add_verbatim(block.text)


def _plain(tokens: Sequence[Token]) -> str:
    """Return what a reader sees of inline tokens; an image is its alternative text."""
    parts = []
    for token in tokens:
        if token.type in ("text", "code_inline", "text_special"):
            parts.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type == "image":
            parts.append(_plain(token.children or ()))
    return "".join(parts)
