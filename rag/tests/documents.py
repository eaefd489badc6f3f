"""Builders of small real files, for tests of everything that reads documents."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from docx import Document
from docx.document import Document as WordDocument
from PIL import Image, ImageDraw, ImageFont  # comes with reportlab
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate

PUMP = "The hydraulic pump on line seven runs at nine hundred turns a minute and must stay below six bar. "


def write_pdf(
    path: Path,
    pages: Sequence[Sequence[str | tuple[str, str]]],
    *,
    title: str = "",
    header: str = "",
    numbered: bool = False,
) -> Path:
    """Write a PDF with these paragraphs on each page: a text, or (style, text) like ("Heading1", "A")."""
    styles = getSampleStyleSheet()

    def decorate(canvas: Canvas, document: SimpleDocTemplate) -> None:
        if header:
            canvas.drawString(72, 765, header)
        if numbered:
            canvas.drawRightString(540, 30, f"Page {document.page}")

    story: list[Flowable] = []
    for page in pages:
        for item in page:
            style, text = ("BodyText", item) if isinstance(item, str) else item
            story.append(Paragraph(text, styles[style]))
        story.append(PageBreak())
    SimpleDocTemplate(str(path), title=title).build(story, onFirstPage=decorate, onLaterPages=decorate)
    return path


def write_outlined_pdf(path: Path, sections: Iterable[tuple[int, str, str]]) -> Path:
    """Write a PDF with one page and one outline entry per (level from 0, title, text), all in one size."""
    canvas = Canvas(str(path))
    for number, (level, title, text) in enumerate(sections):
        canvas.bookmarkPage(str(number))
        canvas.addOutlineEntry(title, str(number), level)
        canvas.drawString(72, 700, f"{number + 1}. {title}")
        canvas.drawString(72, 670, text)
        canvas.showPage()
    canvas.save()
    return path


def write_lines_pdf(path: Path, lines: Sequence[str], *, leading: float = 14) -> Path:
    """Write a PDF of one page with exactly these lines."""
    canvas = Canvas(str(path))
    text = canvas.beginText(72, 700)
    text.setFont("Helvetica", 11, leading)
    for line in lines:
        text.textLine(line)
    canvas.drawText(text)
    canvas.save()
    return path


def write_encrypted_pdf(path: Path) -> Path:
    """Write a PDF that opens with the password "secret" only."""
    canvas = Canvas(str(path), encrypt=StandardEncryption("secret", canPrint=0))
    canvas.drawString(72, 700, PUMP)
    canvas.save()
    return path


def write_scanned_pdf(path: Path) -> Path:
    """Write a PDF with a drawing and no text, as a scanner does."""
    canvas = Canvas(str(path))
    canvas.rect(72, 72, 300, 300, fill=1)
    canvas.save()
    return path


def write_scans(path: Path, pages: Sequence[str | None]) -> Path:
    """Write a PDF whose pages are pictures of these words; None makes a page of real text."""
    canvas = Canvas(str(path), pagesize=(400, 200))
    for words in pages:
        if words is None:
            canvas.drawString(20, 100, PUMP)
        else:
            picture = Image.new("L", (1600, 800), 255)
            ImageDraw.Draw(picture).text((80, 300), words, fill=0, font=ImageFont.load_default(80))
            canvas.drawImage(ImageReader(picture), 0, 0, 400, 200)
        canvas.showPage()
    canvas.save()
    return path


def write_docx(
    path: Path, items: Iterable[str | tuple[str, str] | list[list[str]]], *, title: str = ""
) -> Path:
    """Write a Word document of paragraphs, (style, text) as in ("Heading 1", "Pumps"), and tables as rows."""
    document: WordDocument = Document()
    document.core_properties.title = title
    for item in items:
        if isinstance(item, list):
            table = document.add_table(rows=len(item), cols=len(item[0]))
            for row, texts in zip(table.rows, item, strict=True):
                for cell, text in zip(row.cells, texts, strict=True):
                    cell.text = text
        else:
            style, text = (None, item) if isinstance(item, str) else item
            document.add_paragraph(text, style=style)
    document.save(str(path))
    return path


def write_zip_bomb_docx(path: Path, *, unpacked_bytes: int) -> Path:
    """Write a small Word document whose main part unpacks to `unpacked_bytes`."""
    write_docx(path, [PUMP])
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, b" " * unpacked_bytes if name == "word/document.xml" else content)
    return path


def replace_in_docx(path: Path, part: str, old: str, new: str) -> Path:
    """Change the XML of one part of a Word document, as other programs would have written it."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert old.encode() in parts[part]
    parts[part] = parts[part].replace(old.encode(), new.encode())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path
