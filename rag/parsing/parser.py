"""Reads a file in this process."""

from __future__ import annotations

import encodings
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from rag.parsing.document import ParsedDocument
from rag.parsing.errors import ParsingError, ParsingProblem, WrongType, no_text
from rag.parsing.media_types import (
    CSV,
    DOCX,
    EML,
    HTML,
    MARKDOWN,
    ODS,
    ODT,
    PDF,
    PLAIN_TEXT,
    PPTX,
    SOURCE_CODE,
    XLS,
    XLSX,
)

# What the standard library imports only once it is needed: Counter.most_common, and errors on their way out.
_IMPORTED_LATE = ("heapq", "traceback", "linecache")
# By name, since a process that reads one file should not pay for the libraries of the other formats.
_PARSERS = {
    PDF: ("rag.parsing.pdf", "parse_pdf"),
    DOCX: ("rag.parsing.docx", "parse_docx"),
    PPTX: ("rag.parsing.pptx", "parse_pptx"),
    XLSX: ("rag.parsing.spreadsheet", "parse_spreadsheet"),
    XLS: ("rag.parsing.spreadsheet", "parse_spreadsheet"),
    ODS: ("rag.parsing.spreadsheet", "parse_spreadsheet"),
    ODT: ("rag.parsing.odt", "parse_odt"),
    EML: ("rag.parsing.mail", "parse_mail"),
    CSV: ("rag.parsing.delimited", "parse_delimited"),
    SOURCE_CODE: ("rag.parsing.source_code", "parse_source_code"),
    HTML: ("rag.parsing.html", "parse_html"),
    MARKDOWN: ("rag.parsing.markdown", "parse_markdown"),
    PLAIN_TEXT: ("rag.parsing.plain_text", "parse_plain_text"),
}


def load(media_type: str) -> None:
    """Import all that parsing a file of this type needs, for a process that soon may read no program files."""
    if media_type in _PARSERS:
        import_module(_PARSERS[media_type][0])
    if media_type == MARKDOWN:
        import_module(_PARSERS[HTML][0])  # for the HTML in it
    for name in _IMPORTED_LATE:
        import_module(name)
    for encoding in iter_modules(encodings.__path__):
        with suppress(ImportError):  # those of other systems
            import_module(f"encodings.{encoding.name}")


def parse(path: Path, *, media_type: str) -> ParsedDocument:
    """Return the text of a file of one of the types that detect_media_type knows, but for archives.

    Of a PDF, pages that are scans are named, not read (rag/parsing/scans.py): there may be no other text in it.

    A hostile file may hang or crash the process, or fill its memory: use parse_isolated for uploads.

    Raises:
        ParsingError: with a code and sentences for the person who uploaded the file.
    """
    if media_type not in _PARSERS:
        raise WrongType(f"Files of the type {media_type} cannot be read.")
    if path.stat().st_size == 0:
        raise ParsingError(ParsingProblem.NO_TEXT, "The file is empty.")
    module, function = _PARSERS[media_type]
    parser: Callable[[Path], ParsedDocument] = getattr(import_module(module), function)
    parsed = parser(path)
    if not has_text(parsed) and not parsed.scanned_pages:
        raise no_text()
    return parsed


def has_text(parsed: ParsedDocument) -> bool:
    """Whether there is a letter or a digit in it."""
    return any(character.isalnum() for block in parsed.blocks for character in block.text)
