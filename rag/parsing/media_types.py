"""Which kind of file an upload is, by what it holds first and by its name second."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final

from rag.parsing.errors import WrongType

PDF: Final = "application/pdf"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
PLAIN_TEXT: Final = "text/plain"

HEAD_BYTES = 8192  # enough of a file's beginning for detect_media_type

_BY_EXTENSION = {
    ".pdf": PDF,
    ".docx": DOCX,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".mdown": MARKDOWN,
    ".txt": PLAIN_TEXT,
    ".text": PLAIN_TEXT,
}
_NOT_TEXT = frozenset(
    """.png .jpg .jpeg .gif .webp .bmp .tif .tiff .heic .svg .ico .mp3 .mp4 .mov .avi .wav .zip .gz .tar .7z
    .rar .exe .dll .so .dmg .iso .bin .jar .class .woff .woff2 .ttf .otf .doc .dot .xls .xlsx .xlsm .ppt .pptx
    .odt .ods .odp .pages .numbers .key .epub .mobi .rtf .ps .eps .msg .sqlite .db .parquet""".split()
)

_READABLE = "PDF, Word (.docx), HTML, Markdown and plain text can be read."
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Word 97 to 2003, and .docx files with a password
_ZIP = b"PK\x03\x04"
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_XML_DECLARATION = re.compile(rb"<\?xml[^>]*>", re.I)
_STARTS_HTML = re.compile(rb"<(?:!doctype html|html|head|body)\b", re.I)
_CONTROL_BYTES = bytes({*range(32), 127} - {8, 9, 10, 12, 13, 26, 27})  # 27 colours the lines of some logs


def detect_media_type(head: bytes, filename: str) -> str:
    """Return the media type of a file that starts with `head` (HEAD_BYTES of it, or all) and has this name.

    Raises:
        WrongType: no parser reads such a file, or it is not what the ending of its name says.
    """
    extension = PurePath(filename).suffix.lower()
    claimed = _BY_EXTENSION.get(extension)
    found = _signature(head, extension)
    if found:
        return found
    if not head and claimed:
        return claimed  # an empty file: the parser says so
    if claimed in (PDF, DOCX):
        raise WrongType(f"The file's name ends in {extension}, but it is not such a file. {_READABLE}")
    if extension in _NOT_TEXT or head.startswith((b"{\\rtf", b"%!PS")) or not _looks_like_text(head):
        raise WrongType(f"{_kind(extension)} cannot be read. {_READABLE}")
    return claimed or (HTML if _starts_like_html(head) else PLAIN_TEXT)


def _signature(head: bytes, extension: str) -> str | None:
    """Return the type that the first bytes prove, None where they leave it open."""
    if b"%PDF-" in head[:1024] and extension not in (".md", ".txt", ".html", ".htm"):
        return PDF
    if head.startswith(_ZIP) and (extension == ".docx" or (extension == "" and b"word/" in head)):
        return DOCX
    if head.startswith(_OLE):
        if extension == ".docx":
            return DOCX  # encrypted: the parser says so
        if extension == ".doc":
            raise WrongType(
                "Word files of the old .doc format cannot be read. Save it as .docx and upload that."
            )
    return None


def _starts_like_html(head: bytes) -> bool:
    """Whether a page begins here, after an XML declaration and comments; in time linear in the bytes."""
    head = head.removeprefix(_BYTE_ORDER_MARKS[0]).lstrip()
    if declaration := _XML_DECLARATION.match(head):
        head = head[declaration.end() :].lstrip()
    position = 0
    while head.startswith(b"<!--", position):
        end = head.find(b"-->", position + 4)
        if end < 0:
            return False
        position = _after_space(head, end + 3)
    return bool(_STARTS_HTML.match(head, position))


def _after_space(content: bytes, position: int) -> int:
    while content[position : position + 1].isspace():
        position += 1
    return position


def _looks_like_text(head: bytes) -> bool:
    if head.startswith(_BYTE_ORDER_MARKS[1:]):
        return True
    return len(head.translate(None, _CONTROL_BYTES)) >= len(head) - len(head) // 500 and b"\x00" not in head


def _kind(extension: str) -> str:
    return (
        f"Files that end in {extension}"
        if re.fullmatch(r"\.[a-z0-9]{1,8}", extension)
        else "Files of this kind"
    )
