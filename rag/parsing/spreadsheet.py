"""Spreadsheets (.xlsx, .xlsm, .xls, .ods): the values that each visible sheet shows, its name as the heading."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from rag.parsing.blocks import BlockBuilder
from rag.parsing.document import ParsedDocument
from rag.parsing.errors import corrupt, encrypted
from rag.parsing.package import check_package
from rag.parsing.tables import add_sheet

_ZIP = b"PK\x03\x04"
_LOCKED = "EncryptedPackage".encode("utf-16-le")  # the directory entry of a later file with a password
_MIDNIGHT = datetime.time()


def parse_spreadsheet(path: Path) -> ParsedDocument:
    """Return the rows of a spreadsheet; formulas are the values they had when it was last saved.

    Raises:
        ParsingError: ENCRYPTED, CORRUPT or TOO_LARGE.
    """
    content = path.read_bytes()
    if content.startswith(_ZIP):
        check_package(path)
    elif _LOCKED in content:
        raise encrypted()
    builder = BlockBuilder()
    try:
        workbook = CalamineWorkbook.from_path(str(path))
        sheets = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        shown = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible]
        for name in shown:
            add_sheet(builder, _rows(workbook, name), title=name)
    except PasswordError as error:
        raise encrypted() from error
    except (CalamineError, OSError, ValueError) as error:
        if "assword" in str(error):
            raise encrypted() from error
        raise corrupt() from error
    hidden = len(sheets) - len(shown)
    said = (f"{hidden} hidden sheet{'s were' if hidden > 1 else ' was'} not read.",) if hidden else ()
    return ParsedDocument("", builder.build(), warnings=said)


def _rows(workbook: CalamineWorkbook, name: str) -> Iterator[list[str]]:
    """Yield the rows of a sheet from its first, as they are numbered in it."""
    sheet = workbook.get_sheet_by_name(name)
    for row in sheet.to_python(skip_empty_area=False):
        yield [_shown(value) for value in row]


def _shown(value: Any) -> str:
    """Return a cell's value as a person would write it."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime.datetime):
        is_date = value.time() == _MIDNIGHT
        return value.date().isoformat() if is_date else value.isoformat(" ", "minutes")
    return str(value)
