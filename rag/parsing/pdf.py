"""PDF files: the lines of each page as PDFium reads them, and the document's outline."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

from rag.parsing.blocks import MAX_CHARACTERS
from rag.parsing.document import ParsedDocument, one_line
from rag.parsing.errors import ParsingError, ParsingProblem, corrupt, encrypted, too_large
from rag.parsing.pdf_layout import read_pages
from rag.parsing.pdf_page import Bookmark, Line, Page

_HYPHEN_AT_LINE_END = 0x02  # PDFium's mark: the next line's text follows at once
_NO_CHARACTERS = frozenset({0, 0xFFFE, 0xFFFF})
_TITLE_IS_NONE = re.compile(
    r"(?:untitled.*|\(?anonymous\)?|microsoft word - .*|.*\.(?:docx?|pdf|tex|dvi|indd|qxd|rtf|pptx?))\Z", re.I
)
_DESTINATION_TOP = {1: 1, 3: 0, 5: 3, 7: 0}  # PDFDEST_VIEW -> which value is the top (XYZ, FitH, FitR, FitBH)


def parse_pdf(path: Path) -> ParsedDocument:
    """Return the paragraphs of a PDF with their pages; headings from its outline, else from font sizes.

    Raises:
        ParsingError: ENCRYPTED, CORRUPT or TOO_LARGE.
    """
    try:
        with pypdfium2.PdfDocument(path) as document:
            pages = list(_pages(document))
            blocks = read_pages(pages, list(_bookmarks(document)))
            title = one_line(document.get_metadata_value("Title"))
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise encrypted() from error
        raise corrupt() from error
    scans = tuple(page.number for page in pages if page.is_scan)
    return ParsedDocument("" if _TITLE_IS_NONE.match(title) else title, blocks, len(pages), scans)


def _pages(document: pypdfium2.PdfDocument) -> Iterator[Page]:
    characters = 0
    for index in range(len(document)):
        try:
            page = document[index]
        except pypdfium2.PdfiumError as error:
            raise ParsingError(
                ParsingProblem.CORRUPT, f"Page {index + 1} of the file is damaged and could not be read."
            ) from error
        text_page = page.get_textpage()
        count = text_page.count_chars()
        characters += count
        if characters > MAX_CHARACTERS:
            raise too_large()
        bottom, top = page.get_bbox()[1::2]
        lines = tuple(_lines(text_page, count))
        yield Page(index + 1, lines, bottom, top, is_scan=not lines and _has_picture(page))
        text_page.close()
        page.close()


def _has_picture(page: pypdfium2.PdfPage) -> bool:
    return any(True for _ in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=4))


def _lines(text_page: pypdfium2.PdfTextPage, count: int) -> Iterator[Line]:
    """Yield the lines of a page that hold something visible; y grows upwards, in points."""
    read = pdfium.FPDFText_GetUnicode
    text: list[str] = []
    places: list[int] = []  # indexes of the visible characters
    for index in range(count + 1):
        code = read(text_page, index) if index < count else 10
        if code in (10, 13):
            if places:
                yield _line("".join(text), text_page, places)
            text, places = [], []
        elif code not in _NO_CHARACTERS:
            character = chr(code)
            text.append(character)
            if not character.isspace() and code != _HYPHEN_AT_LINE_END:
                places.append(index)


def _line(text: str, text_page: pypdfium2.PdfTextPage, places: list[int]) -> Line:
    left, _, _, top = text_page.get_charbox(places[0], loose=True)
    _, bottom, right, _ = text_page.get_charbox(places[-1], loose=True)
    # A bullet or a superscript is smaller than its line: the size in the middle of three is the line's.
    sizes = (_font_size(text_page, place) for place in (places[0], places[len(places) // 2], places[-1]))
    return Line(text, left, right, top, bottom, size=sorted(sizes)[1])


def _font_size(text_page: pypdfium2.PdfTextPage, index: int) -> float:
    """Return the size in points at which a character is drawn: the font's, scaled by the text's matrix."""
    matrix = pdfium.FS_MATRIX()
    scale = 1.0
    if pdfium.FPDFText_GetMatrix(text_page, index, matrix):
        scale = math.hypot(matrix.c, matrix.d)
    return float(pdfium.FPDFText_GetFontSize(text_page, index)) * scale


def _bookmarks(document: pypdfium2.PdfDocument) -> Iterator[Bookmark]:
    for bookmark in document.get_toc(max_depth=6):
        title = one_line(bookmark.get_title())
        destination = bookmark.get_dest()
        index = destination.get_index() if destination else None
        if title and destination and index is not None:
            view, values = destination.get_view()
            place = _DESTINATION_TOP.get(view)
            top = values[place] if place is not None and place < len(values) else 0.0
            yield Bookmark(bookmark.level, title, index + 1, top or None)
