"""Plain text, and the encoding of text files of every kind."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from rag.parsing.blocks import BlockBuilder
from rag.parsing.document import ParsedDocument

_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n)+|\f")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is the beginning of this one
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def parse_plain_text(path: Path) -> ParsedDocument:
    """Return the paragraphs of a text file: what blank lines or form feeds separate, lines kept."""
    builder = BlockBuilder()
    for paragraph in paragraphs_of(decode_text(path.read_bytes())):
        builder.add_verbatim(paragraph)
    return ParsedDocument("", builder.build())


def paragraphs_of(text: str) -> list[str]:
    """Return what blank lines or form feeds separate; pieces may be empty."""
    return _BLANK_LINES.split(text)


def decode_text(content: bytes, *, declared: str | None = None) -> str:
    """Return the text of a file with `\\n` line ends; never fails.

    Believes a byte order mark, then the `declared` encoding, then UTF-8 if the bytes are that but for a few,
    then Windows-1252, in which most of the older Western files are.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _with_plain_line_ends(content[len(mark) :].decode(encoding, errors="replace"))
    for encoding in filter(None, (declared, "utf-8")):
        try:
            return _with_plain_line_ends(content.decode(encoding))
        except (LookupError, UnicodeError):  # LookupError: no such encoding
            continue
    text = content.decode("utf-8", errors="replace")
    wrong = text.count("\N{REPLACEMENT CHARACTER}")
    if wrong * 10 > sum(1 for character in text if character > "\x7f"):
        text = content.decode("cp1252", errors="replace")
    return _with_plain_line_ends(text)


def _with_plain_line_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
