"""Presentations (.pptx): each slide with its title, text, tables and speaker's notes; its number is the page.

The parts of the archive are read as they are (docs/decisions/parsers.md): what a slide says stands in few elements.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.parsing.blocks import BlockBuilder
from rag.parsing.document import ParsedDocument, one_line
from rag.parsing.errors import WrongType, corrupt
from rag.parsing.package import DAMAGE, check_package, read_part

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_REL = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_FALLBACK = (
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # the same again, as a picture
)
_DC_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_MAIN = "ppt/presentation.xml"
_TITLES = frozenset({"title", "ctrTitle"})
_RUNNING = frozenset({"dt", "ftr", "sldNum", "hdr", "sldImg"})  # date, footer, number: on every slide alike
_OUTLINE = frozenset({"body", "obj", "subTitle"})  # placeholders whose paragraphs are points


def parse_pptx(path: Path) -> ParsedDocument:
    """Return the slides of a presentation, in their order.

    Raises:
        ParsingError: ENCRYPTED, CORRUPT, TOO_LARGE, or WrongType for another kind of Office file.
    """
    check_package(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if _MAIN not in archive.namelist():
                raise WrongType("The file is not a presentation, though its name ends in .pptx.")
            return _read(archive)
    except DAMAGE as error:
        raise corrupt() from error


def _read(archive: zipfile.ZipFile) -> ParsedDocument:
    builder = BlockBuilder()
    targets = dict(_relationships(archive, _MAIN))
    slides = [targets[entry.get(f"{_R}id")][1] for entry in read_part(archive, _MAIN).iter(f"{_P}sldId")]
    first_title = ""
    for number, name in enumerate(slides, 1):
        title = _read_slide(builder, read_part(archive, name), number)
        first_title = first_title or title
        for kind, target in dict(_relationships(archive, name)).values():
            if kind.endswith("/notesSlide"):
                _read_notes(builder, read_part(archive, target), number)
    return ParsedDocument(_own_title(archive) or first_title, builder.build(), len(slides))


def _relationships(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield (id, (type, name of the part)) of what a part refers to within the archive."""
    folder, leaf = posixpath.split(name)
    rels = f"{folder}/_rels/{leaf}.rels"
    if rels in archive.namelist():
        for relationship in read_part(archive, rels).iter(_REL):
            if relationship.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, relationship.get("Target")))
                yield relationship.get("Id"), (relationship.get("Type"), target.lstrip("/"))


def _own_title(archive: zipfile.ZipFile) -> str:
    if "docProps/core.xml" not in archive.namelist():
        return ""
    title = one_line(read_part(archive, "docProps/core.xml").findtext(_DC_TITLE) or "")
    return "" if title in ("PowerPoint Presentation", "PowerPoint-Präsentation") else title


def _read_slide(builder: BlockBuilder, slide: Any, number: int) -> str:
    """Add a slide; return its title, "" where it has none."""
    builder.open_section(1, "")
    shapes = list(_shapes(slide))
    titles = [shape for shape in shapes if _placeholder(shape) in _TITLES]
    title = one_line(" ".join(_text(paragraph) for shape in titles for paragraph in shape.iter(f"{_A}p")))
    builder.add_heading(1, title, number)
    for shape in shapes:
        if shape.tag == f"{_A}tbl":
            rows = [[_cell(cell) for cell in row.iter(f"{_A}tc")] for row in shape.iter(f"{_A}tr")]
            builder.add_table(rows, number)
        elif shape not in titles and _placeholder(shape) not in _RUNNING:
            _read_text(builder, shape, number)
    return title


def _shapes(slide: Any) -> Iterator[Any]:
    """Yield text shapes and tables in the order of the slide, those within groups too."""
    to_visit = [slide]
    while to_visit:
        element = to_visit.pop()
        if element.tag in (f"{_P}sp", f"{_A}tbl"):
            yield element
        elif element.tag != _FALLBACK:
            to_visit.extend(reversed(element))


def _placeholder(shape: Any) -> str | None:
    """What kind of placeholder a shape is: "obj" for one that does not say, "" for a shape that is none."""
    placeholder = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return "" if placeholder is None else placeholder.get("type", "obj")


def _read_text(builder: BlockBuilder, shape: Any, number: int) -> None:
    is_outline = _placeholder(shape) in _OUTLINE
    for paragraph in shape.iter(f"{_A}p"):
        properties = paragraph.find(f"{_A}pPr")
        has_bullet = properties is not None and any(
            properties.find(f"{_A}{kind}") is not None for kind in ("buChar", "buAutoNum")
        )
        if has_bullet or is_outline:
            level = properties.get("lvl", "0") if properties is not None else "0"
            builder.add_item(_text(paragraph), number, depth=int(level))
        else:
            builder.add_paragraph(_text(paragraph), number)


def _read_notes(builder: BlockBuilder, notes: Any, number: int) -> None:
    for shape in _shapes(notes):
        if shape.tag == f"{_P}sp" and _placeholder(shape) == "body":
            text = "\n".join(_text(paragraph) for paragraph in shape.iter(f"{_A}p")).strip()
            if text:
                builder.add_verbatim(f"Notes: {text}", number)


def _cell(cell: Any) -> str:
    return " ".join(_text(paragraph) for paragraph in cell.iter(f"{_A}p"))


def _text(paragraph: Any) -> str:
    parts = []
    for element in paragraph.iter(f"{_A}t", f"{_A}br", f"{_A}tab"):
        parts.append((element.text or "") if element.tag == f"{_A}t" else " ")
    return "".join(parts)
