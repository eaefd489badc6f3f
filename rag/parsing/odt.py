"""OpenDocument texts (.odt): headings, paragraphs, lists, tables and notes in reading order."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from rag.parsing.blocks import BlockBuilder
from rag.parsing.document import ParsedDocument, one_line
from rag.parsing.errors import WrongType, corrupt, encrypted
from rag.parsing.package import DAMAGE, check_package, read_part

_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_DRAW = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
_DC_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_MANIFEST = "META-INF/manifest.xml"

# Deleted text and comments are not text, an index repeats the headings; what is framed is read after its paragraph.
_SKIPPED = frozenset(
    {
        f"{_TEXT}tracked-changes",
        f"{_TEXT}table-of-content",
        f"{_TEXT}alphabetical-index",
        f"{_OFFICE}annotation",
        f"{_TEXT}note-citation",
        f"{_TEXT}sequence-decls",
    }
)
_SPACES = frozenset({f"{_TEXT}tab", f"{_TEXT}line-break"})
_MAX_DEPTH = 100  # of lists and sections in each other; the schema has no limit, a person's text has


def parse_odt(path: Path) -> ParsedDocument:
    """Return the blocks of a text document. It has no pages before it is printed.

    Raises:
        ParsingError: ENCRYPTED, CORRUPT, TOO_LARGE, or WrongType for another kind of OpenDocument file.
    """
    check_package(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if _MANIFEST in archive.namelist() and b"encryption-data" in archive.read(_MANIFEST):
                raise encrypted()
            body = read_part(archive, "content.xml").find(f"{_OFFICE}body/{_OFFICE}text")
            title = ""
            if "meta.xml" in archive.namelist():
                title = one_line(read_part(archive, "meta.xml").findtext(f".//{_DC_TITLE}") or "")
        if body is None:
            raise WrongType("The file is not a text document, though its name ends in .odt.")
        reader = _Reader()
        reader.read(body)
    except DAMAGE as error:
        raise corrupt() from error
    return ParsedDocument(title or reader.first_title, reader.builder.build())


class _Reader:
    """Turns the body's elements into blocks."""

    def __init__(self) -> None:
        self.builder = BlockBuilder()
        self.first_title = ""

    def read(self, container: Any, *, depth: int = 0, item_depth: int = 0) -> None:
        """Add what a body, a section or a list holds. `item_depth` counts the lists around it."""
        if depth > _MAX_DEPTH:
            raise ValueError("sections within sections without end")
        for element in container.iterchildren("*"):
            if element.tag == f"{_TEXT}h":
                self._read_heading(element)
            elif element.tag == f"{_TEXT}p":
                self._read_paragraph(element, item_depth)
            elif element.tag == f"{_TABLE}table":
                self.builder.add_table(_rows(element))
            elif element.tag == f"{_TEXT}list":
                self.read(element, depth=depth + 1, item_depth=item_depth + 1)
            elif element.tag not in _SKIPPED:  # sections, items of lists and what wraps them
                self.read(element, depth=depth + 1, item_depth=item_depth)

    def _read_heading(self, element: Any) -> None:
        level = int(element.get(f"{_TEXT}outline-level", "1"))
        text = _text_of(element)
        self.first_title = self.first_title or one_line(text)
        self.builder.add_heading(level, text)

    def _read_paragraph(self, element: Any, item_depth: int) -> None:
        if item_depth:
            self.builder.add_item(_text_of(element), depth=item_depth - 1)
        else:
            self.builder.add_paragraph(_text_of(element))
        for apart in element.iter(f"{_DRAW}text-box", f"{_TEXT}note-body"):
            for paragraph in apart.iterchildren(f"{_TEXT}p"):
                self.builder.add_paragraph(_text_of(paragraph))


def _rows(table: Any) -> list[list[str]]:
    return [
        [
            " ".join(_text_of(paragraph) for paragraph in cell.iter(f"{_TEXT}p"))
            for cell in row.iterchildren(f"{_TABLE}table-cell")
        ]
        for row in table.iter(f"{_TABLE}table-row")
    ]


def _text_of(paragraph: Any) -> str:
    """Return a paragraph's text without what is framed in it or stands below the page."""
    parts: list[str] = []
    to_visit: list[Any] = [paragraph]
    while to_visit:
        element = to_visit.pop()
        if isinstance(element, str):
            parts.append(element)
            continue
        if element is not paragraph and element.tail:
            to_visit.append(element.tail)
        if element.tag == f"{_TEXT}s":
            parts.append(" " * min(int(element.get(f"{_TEXT}c", "1")), 100))
        elif element.tag in _SPACES:
            parts.append(" ")
        elif element.tag not in _SKIPPED and element.tag not in (f"{_DRAW}text-box", f"{_TEXT}note-body"):
            to_visit.extend(reversed(element))
            parts.append(element.text or "")
    return "".join(parts)
