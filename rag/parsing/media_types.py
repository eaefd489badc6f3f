"""Which kind of file an upload is, by what it holds first and by its name second."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final

from rag.parsing.errors import WrongType

PDF: Final = "application/pdf"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XLS: Final = "application/vnd.ms-excel"
ODT: Final = "application/vnd.oasis.opendocument.text"
ODS: Final = "application/vnd.oasis.opendocument.spreadsheet"
ZIP: Final = "application/zip"
EML: Final = "message/rfc822"
CSV: Final = "text/csv"
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
SOURCE_CODE: Final = "text/x-source-code"
PLAIN_TEXT: Final = "text/plain"

HEAD_BYTES = 8192  # enough of a file's beginning for detect_media_type

_CODE_ENDINGS = """.py .pyi .js .mjs .cjs .jsx .ts .tsx .java .kt .kts .scala .groovy .c .h .cc .cpp .cxx .hpp .hh .cs
    .go .rs .rb .php .pl .pm .lua .r .jl .swift .m .mm .dart .ex .exs .erl .hs .ml .fs .clj .el .vue .svelte .css .scss
    .less .sql .sh .bash .zsh .fish .ps1 .bat .cmd .json .jsonl .yaml .yml .toml .ini .cfg .conf .properties .xml .xsd
    .gradle .cmake .mk .tf .proto .graphql .gql .ipynb .vb .pas .asm .s .nix .zig""".split()
_BY_EXTENSION = {
    ".pdf": PDF,
    ".docx": DOCX,
    ".pptx": PPTX,
    ".xlsx": XLSX,
    ".xlsm": XLSX,
    ".xls": XLS,
    ".odt": ODT,
    ".ods": ODS,
    ".zip": ZIP,
    ".eml": EML,
    ".csv": CSV,
    ".tsv": CSV,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".mdown": MARKDOWN,
    ".txt": PLAIN_TEXT,
    ".text": PLAIN_TEXT,
    **dict.fromkeys(_CODE_ENDINGS, SOURCE_CODE),
}
_BINARY = frozenset({PDF, DOCX, PPTX, XLSX, XLS, ODT, ODS, ZIP})
_ARCHIVES = _BINARY - {PDF, XLS}
ACCEPTED_ENDINGS: Final = tuple(_BY_EXTENSION)
_NOT_TEXT = frozenset(
    """.png .jpg .jpeg .gif .webp .bmp .tif .tiff .heic .svg .ico .mp3 .mp4 .mov .avi .wav .gz .tar .7z
    .rar .exe .dll .so .dmg .iso .bin .jar .class .woff .woff2 .ttf .otf .doc .dot .xlsb .ppt
    .odp .pages .numbers .key .epub .mobi .rtf .ps .eps .msg .sqlite .db .parquet""".split()
)

_READABLE = (
    "PDF, Word (.docx), PowerPoint (.pptx), Excel, OpenDocument (.odt, .ods), HTML, Markdown, CSV, mails (.eml), text,"
    " source code and ZIP archives of these can be read."
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # Office 97 to 2003, and later files with a password
_OLD_OFFICE = {".doc": "Word", ".ppt": "PowerPoint"}
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")  # the second: an archive of nothing
_TELLING_PARTS = ((b"mimetype" + ODT.encode(), ODT), (b"word/", DOCX), (b"ppt/", PPTX), (b"xl/", XLSX))
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
    if claimed in _BINARY:
        raise WrongType(f"The file's name ends in {extension}, but it is not such a file. {_READABLE}")
    if extension in _NOT_TEXT or head.startswith((b"{\\rtf", b"%!PS")) or not _looks_like_text(head):
        raise WrongType(f"{_kind(extension)} cannot be read. {_READABLE}")
    return claimed or (HTML if _starts_like_html(head) else PLAIN_TEXT)


def _signature(head: bytes, extension: str) -> str | None:
    """Return the type that the first bytes prove, None where they leave it open."""
    if b"%PDF-" in head[:1024] and extension not in (".md", ".txt", ".html", ".htm"):
        return PDF
    claimed = _BY_EXTENSION.get(extension)
    if head.startswith(_ZIP_STARTS):
        return claimed if claimed in _ARCHIVES else _kind_of_archive(head) if extension == "" else None
    if head.startswith(_OLE):
        if claimed in (DOCX, PPTX, XLSX, XLS):
            return claimed  # encrypted, unless .xls: the parser says so
        if extension in _OLD_OFFICE:
            raise WrongType(
                f"{_OLD_OFFICE[extension]} files of the old {extension} format cannot be read."
                f" Save it as {extension}x and upload that."
            )
    return None


def _kind_of_archive(head: bytes) -> str:
    """Return what an archive whose name says nothing is: by the names of its first parts."""
    return next((kind for part, kind in _TELLING_PARTS if part in head), ZIP)


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
