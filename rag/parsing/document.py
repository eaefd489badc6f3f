"""What every parser returns, and how extracted text is made safe to store."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, heading, list, table or code listing, in reading order.

    Attributes:
        text: the words; line breaks stand only where the source has them (lists, table rows, code).
        page: page it starts on, counted from 1; None for formats without pages.
        heading: titles of the sections around it, outermost first. A heading's own text is not in its path.
        is_heading: the block is itself the title of a section.
    """

    text: str
    page: int | None = None
    heading: tuple[str, ...] = ()
    is_heading: bool = False

    @property
    def section(self) -> tuple[str, ...]:
        """Path of the section the block belongs to; a heading belongs to the section it opens."""
        return (*self.heading, one_line(self.text)) if self.is_heading else self.heading


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document as blocks.

    Attributes:
        title: the document's own title, "" where it has none.
        blocks: in reading order; all empty only where pages are scans.
        page_count: number of pages, None for formats without pages.
        scanned_pages: pages, from 1, that are pictures without text.
        warnings: sentences about what of the file was not read.
    """

    title: str
    blocks: tuple[Block, ...]
    page_count: int | None = None
    scanned_pages: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()


# Typographic ligatures come out of PDF fonts; a person searching for "find" does not type them.
_LIGATURES = {
    0xFB00: "ff",
    0xFB01: "fi",
    0xFB02: "fl",
    0xFB03: "ffi",
    0xFB04: "ffl",
    0xFB05: "st",
    0xFB06: "st",
}
_LINE_ENDS = {0x0B: "\n", 0x0C: "\n", 0x85: "\n", 0x2028: "\n", 0x2029: "\n\n"}
_REPLACED = _LIGATURES | _LINE_ENDS | {0xF0B7: "•", 0xF0A7: "•"}  # Symbol and Wingdings bullets

# Joiners shape words (Persian, emoji) and Arabic number signs are visible. Every other format character is
# invisible: it would only break matching, or hide instructions from the people who read the document.
_KEPT_FORMAT_CHARACTERS = frozenset("\u200c\u200d\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2")
# U+E0100 to U+E01EF (variation selectors) are marks, but just as invisible and able to carry hidden text.
_UNUSUAL = re.compile(r"[^ -~\n\t]")
_SPACES_AT_LINE_END = re.compile(r"[ \t]+(?=\n|\Z)")
_MANY_BLANK_LINES = re.compile(r"\n{3,}")


def normalize(text: str) -> str:
    """Return text that can be stored, searched and quoted.

    NFC; NUL, control and invisible format characters removed; every kind of space is the plain one and every
    line end is `\\n`; no space before a line end, at most one blank line, none at the start or the end.
    Indentation and runs of spaces inside a line stay, since code depends on them. Idempotent.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_REPLACED)
    if not (text.isascii() and text.isprintable()):
        text = unicodedata.normalize("NFC", _UNUSUAL.sub(_usual_character, text))
        text = _MANY_BLANK_LINES.sub("\n\n", _SPACES_AT_LINE_END.sub("", text)).strip("\n")
    return text.rstrip()


def _usual_character(match: re.Match[str]) -> str:
    character = match[0]
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if category == "Cf":
        return character if character in _KEPT_FORMAT_CHARACTERS else ""
    if category in ("Cc", "Cs") or "\U000e0100" <= character <= "\U000e01ef":
        return ""
    return character


def one_line(text: str) -> str:
    """Return `text` normalized, with every run of white space as one space: for titles and headings."""
    return " ".join(normalize(text).split())
