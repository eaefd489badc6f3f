"""Builders of small presentations, spreadsheets, OpenDocument texts and mails, as other programs write them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from pathlib import Path
from xml.sax.saxutils import escape

_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE_RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_A = "http://schemas.openxmlformats.org/drawingml/2006/main"
_P = "http://schemas.openxmlformats.org/presentationml/2006/main"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_ODF = "urn:oasis:names:tc:opendocument:xmlns"
ODF_NAMES = " ".join(
    f'xmlns:{name}="{_ODF}:{kind}:1.0"'
    for name, kind in (("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"))
)


def write_zip(path: Path, parts: Mapping[str, str | bytes]) -> Path:
    """Write an archive of these parts, packed but for the one that tells the kind of an OpenDocument file."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            kind = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(name, content, kind)
    return path


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    rows = "".join(
        f'<Relationship Id="r{number}" Type="{_OFFICE_RELS}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets)
    )
    return f'<Relationships xmlns="{_RELS}">{rows}</Relationships>'


def text_shape(*paragraphs: str, placeholder: str = "") -> str:
    """A shape with these paragraphs, a placeholder of that type if one is given."""
    mark = f'<p:ph type="{placeholder}"/>' if placeholder else ""
    texts = "".join(f"<a:p><a:r><a:t>{escape(text)}</a:t></a:r></a:p>" for text in paragraphs)
    return f"<p:sp><p:nvSpPr><p:nvPr>{mark}</p:nvPr></p:nvSpPr><p:txBody>{texts}</p:txBody></p:sp>"


def slide_table(rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(
        "<a:tr>"
        + "".join(
            f"<a:tc><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>" for text in row
        )
        + "</a:tr>"
        for row in rows
    )
    table = f"<a:graphic><a:graphicData><a:tbl>{cells}</a:tbl></a:graphicData></a:graphic>"
    return f"<p:graphicFrame>{table}</p:graphicFrame>"


def write_pptx(path: Path, slides: Sequence[str], *, notes: Mapping[int, str] | None = None) -> Path:
    """Write a presentation of these slides, each the XML of its shapes; `notes` by the slide's number from 1.

    The files of the slides are numbered from the last to the first: only the presentation tells their order.
    """
    order = [len(slides) - place for place in range(len(slides))]
    ids = "".join(f'<p:sldId r:id="r{place}"/>' for place in range(len(slides)))
    parts = {
        "ppt/presentation.xml": f'<p:presentation xmlns:p="{_P}" xmlns:r="{_OFFICE_RELS}">'
        f"<p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": _relations(
            [("slide", f"slides/slide{number}.xml") for number in order]
        ),
    }
    for number, shapes in zip(order, slides, strict=True):
        parts[f"ppt/slides/slide{number}.xml"] = _slide("sld", shapes)
    for place, text in (notes or {}).items():
        number = order[place - 1]
        parts[f"ppt/slides/_rels/slide{number}.xml.rels"] = _relations(
            [("notesSlide", f"../notesSlides/n{number}.xml")]
        )
        parts[f"ppt/notesSlides/n{number}.xml"] = _slide(
            "notes", text_shape("7", placeholder="sldNum") + text_shape(text, placeholder="body")
        )
    return write_zip(path, parts)


def _slide(kind: str, shapes: str) -> str:
    return (
        f'<p:{kind} xmlns:p="{_P}" xmlns:a="{_A}"><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:{kind}>'
    )


def write_xlsx(
    path: Path, sheets: Mapping[str, Sequence[Sequence[str | float]]], *, hidden: Sequence[str] = ()
) -> Path:
    """Write a workbook of these sheets; numbers become numbers, everything else text."""
    states = {name: 'state="hidden"' if name in hidden else "" for name in sheets}
    rows = "".join(
        f'<sheet name="{escape(name)}" sheetId="{number + 1}" r:id="r{number}" {states[name]}/>'
        for number, name in enumerate(sheets)
    )
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE_RELS}"><sheets>{rows}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations(
            [("worksheet", f"worksheets/sheet{number}.xml") for number in range(len(sheets))]
        ),
    }
    for number, table in enumerate(sheets.values()):
        data = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in table)
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{_SHEET}"><sheetData>{data}</sheetData></worksheet>'
        )
    return write_zip(path, parts)


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f"<c><v>{value}</v></c>"


def write_odt(path: Path, body: str, *, title: str = "", doctype: str = "") -> Path:
    """Write a text document whose body is this XML (prefixes office, text, table, draw)."""
    meta = f'<office:document-meta {ODF_NAMES} xmlns:dc="http://purl.org/dc/elements/1.1/"><office:meta>'
    return write_zip(
        path,
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"{doctype}<office:document-content {ODF_NAMES}><office:body><office:text>{body}"
            "</office:text></office:body></office:document-content>",
            "meta.xml": f"{meta}<dc:title>{escape(title)}</dc:title></office:meta></office:document-meta>",
        },
    )


def write_mail(
    path: Path,
    text: str,
    *,
    subject: str = "Pumps",
    html: str = "",
    attached: Mapping[str, bytes] | None = None,
) -> Path:
    """Write a mail from ada to grace."""
    message = EmailMessage()
    message["From"], message["To"] = "Ada <ada@example.org>", "Grace <grace@example.org>"
    message["Date"], message["Subject"] = "Mon, 23 Nov 2026 09:00:00 +0000", subject
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    for name, content in (attached or {}).items():
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    path.write_bytes(bytes(message))
    return path
