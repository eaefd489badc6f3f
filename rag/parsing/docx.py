"""Word documents (.docx): paragraphs, headings, lists, tables, text boxes and footnotes in reading order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docx import Document
from docx.document import Document as WordDocument
from docx.opc.exceptions import OpcError
from docx.oxml.ns import qn
from docx.oxml.parser import parse_xml

from rag.parsing.blocks import BlockBuilder
from rag.parsing.document import ParsedDocument, one_line
from rag.parsing.errors import WrongType, corrupt
from rag.parsing.package import DAMAGE, check_package

_FOOTNOTES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
_HEADING_NAME = re.compile(r"heading ([1-9])\Z", re.I)  # style names are English in a file of any language
_TABLE_OF_CONTENTS = re.compile(r"toc (?:[1-9]|heading)\Z", re.I)

_P, _TBL, _SDT, _SDT_CONTENT = qn("w:p"), qn("w:tbl"), qn("w:sdt"), qn("w:sdtContent")
_TEXT, _TAB, _BREAK, _RETURN, _HYPHEN = qn("w:t"), qn("w:tab"), qn("w:br"), qn("w:cr"), qn("w:noBreakHyphen")
_TEXT_BOX, _FALLBACK = (
    qn("w:txbxContent"),
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
)
# Properties hold tab stops; deleted text is not text; a text box is read after its paragraph.
_NOT_TEXT = frozenset({qn("w:pPr"), qn("w:rPr"), qn("w:del"), qn("w:moveFrom"), _TEXT_BOX, _FALLBACK})


def parse_docx(path: Path) -> ParsedDocument:
    """Return the blocks of a Word document. It has no pages before it is printed.

    Raises:
        ParsingError: ENCRYPTED, CORRUPT, TOO_LARGE, or WrongType for another kind of Office file.
    """
    check_package(path)
    try:
        document = Document(str(path))
        reader = _Reader(document)
        reader.read(document.element.body)
        reader.read_footnotes()
        title = one_line(document.core_properties.title or "")
    except ValueError as error:
        if "content type" in str(error):
            raise WrongType("The file is not a Word document, though its name ends in .docx.") from error
        raise corrupt() from error
    except (*DAMAGE, OpcError) as error:
        raise corrupt() from error
    return ParsedDocument(title or reader.title, reader.builder.build())


class _Reader:
    """Walks the XML, since python-docx's iteration leaves out content controls, insertions, text boxes."""

    def __init__(self, document: WordDocument) -> None:
        self.builder = BlockBuilder()
        self.title = ""
        self._document = document
        self._styles = {style.style_id: style for style in document.styles}

    def read(self, container: Any) -> None:
        """Add the paragraphs and tables that are children of an XML element."""
        for child in container:
            if child.tag == _P:
                self._read_paragraph(child)
            elif child.tag == _TBL:
                rows = [[_cell_text(cell) for cell in row.iter(qn("w:tc"))] for row in child.iter(qn("w:tr"))]
                self.builder.add_table(rows)
            elif child.tag == _SDT:
                for content in child.iterchildren(_SDT_CONTENT):
                    self.read(content)

    def read_footnotes(self) -> None:
        for relationship in self._document.part.rels.values():
            if relationship.reltype == _FOOTNOTES and not relationship.is_external:
                for note in parse_xml(relationship.target_part.blob).iterchildren(qn("w:footnote")):
                    if note.get(qn("w:type")) is None:  # others are separator lines
                        self.read(note)

    def _read_paragraph(self, paragraph: Any) -> None:
        text = _paragraph_text(paragraph)
        style_names = list(self._style_names(paragraph))
        if any(_TABLE_OF_CONTENTS.match(name) for name in style_names):
            return
        level = self._heading_level(paragraph, style_names)
        if level is not None:
            if level == 0 and not self.title:
                self.title = one_line(text)
            self.builder.add_heading(level, text)
        elif self._is_list_item(paragraph, style_names):
            self.builder.add_item(text)
        else:
            self.builder.add_paragraph(text)
        for box in paragraph.iter(_TEXT_BOX):
            if not any(ancestor.tag == _FALLBACK for ancestor in box.iterancestors()):
                self.read(box)

    def _styles_of(self, paragraph: Any) -> Iterator[Any]:
        """Yield the paragraph's style and those it is based on, nearest first."""
        properties = paragraph.pPr
        style = self._styles.get(properties.style) if properties is not None and properties.style else None
        seen = set()
        while style is not None and style.style_id not in seen:
            seen.add(style.style_id)
            yield style
            style = style.base_style

    def _style_names(self, paragraph: Any) -> Iterator[str]:
        return (style.name or "" for style in self._styles_of(paragraph))

    def _heading_level(self, paragraph: Any, style_names: list[str]) -> int | None:
        """Return 1 for the outermost heading, 0 for the document's title, None for what is neither."""
        for name in style_names:
            if match := _HEADING_NAME.match(name):
                return int(match[1])
            if name.lower() == "title":
                return 0
        for element in (paragraph, *(style.element for style in self._styles_of(paragraph))):
            outline = element.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}")
            if outline is not None:
                level = int(outline.get(qn("w:val"), "9"))
                return level + 1 if level < 9 else None
        return None

    def _is_list_item(self, paragraph: Any, style_names: list[str]) -> bool:
        numbering = paragraph.find(f"{qn('w:pPr')}/{qn('w:numPr')}/{qn('w:numId')}")
        if numbering is not None:
            return bool(numbering.get(qn("w:val")) != "0")
        return any(name.lower().startswith(("list bullet", "list number")) for name in style_names)


def _cell_text(cell: Any) -> str:
    return " ".join(filter(None, (_paragraph_text(paragraph) for paragraph in cell.iter(_P))))


def _paragraph_text(paragraph: Any) -> str:
    parts: list[str] = []
    to_visit = [paragraph]
    while to_visit:
        element = to_visit.pop()
        if element.tag == _TEXT:
            parts.append(element.text or "")
        elif element.tag in (_TAB, _BREAK, _RETURN):
            parts.append(" ")
        elif element.tag == _HYPHEN:
            parts.append("-")
        elif element.tag not in _NOT_TEXT:
            to_visit.extend(reversed(element))
    return "".join(parts)
