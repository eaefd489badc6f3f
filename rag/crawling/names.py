"""What a page is called as a file: by its URL, with the ending of what the server says that it is. Pure."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import unquote

from chat.text import clean_line
from rag.parsing.media_types import (
    ACCEPTED_ENDINGS,
    CSV,
    DOCX,
    HTML,
    MARKDOWN,
    ODS,
    ODT,
    PDF,
    PLAIN_TEXT,
    PPTX,
    XLS,
    XLSX,
)

_ENDINGS = {
    HTML: (".html", ".htm", ".xhtml"),
    "application/xhtml+xml": (".html", ".htm", ".xhtml"),
    PDF: (".pdf",),
    DOCX: (".docx",),
    PPTX: (".pptx",),
    XLSX: (".xlsx",),
    XLS: (".xls",),
    ODT: (".odt",),
    ODS: (".ods",),
    CSV: (".csv",),
    "text/tab-separated-values": (".tsv",),
    MARKDOWN: (".md", ".markdown"),
    "application/json": (".json",),
    "application/xml": (".xml",),
    "text/xml": (".xml",),
}
_TELLS_NOTHING = frozenset({PLAIN_TEXT, "application/octet-stream", "text/x-markdown", ""})
ACCEPTED = (*_ENDINGS, PLAIN_TEXT)


def filename_of(host: str, target: str, content_type: str) -> str | None:
    """Return a name whose ending fits the type; None for a type that no parser reads.

    For plain text, and where the type tells nothing, the URL's own ending counts, if there is one that is known.
    """
    path = PurePosixPath(clean_line(unquote(target.partition("?")[0])))
    name = path.name.strip(". ") or host
    ending = PurePosixPath(name).suffix.lower()
    if content_type in _ENDINGS:
        fitting = _ENDINGS[content_type]
        return name if ending in fitting else name + fitting[0]
    if content_type in _TELLS_NOTHING and path.name and ending in ACCEPTED_ENDINGS and ending != ".zip":
        return name
    return name + ".txt" if content_type == PLAIN_TEXT else None
