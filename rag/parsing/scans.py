"""Pages that are pictures: read by `tesseract` where it is installed, else said to be unread."""

from __future__ import annotations

import logging
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rag.parsing.child import run_child
from rag.parsing.document import Block, ParsedDocument
from rag.parsing.errors import ParsingError, ParsingProblem, no_text
from rag.parsing.parser import has_text

logger = logging.getLogger(__name__)

MAX_PAGES = 200  # of a document: at about two seconds each, and others wait
PAGE_TIMEOUT_S = 60.0
ALL_TIMEOUT_S = 600.0
_ONE_THREAD = {"OMP_THREAD_LIMIT": "1"}  # the process may start no other, nor threads
_DIVIDED_WORD = re.compile(r"(?<=[^\W\d_])-\n(?=[^\W\d_])")
_BLANK_LINES = re.compile(r"\n\s*\n")


def read_scans(path: Path, parsed: ParsedDocument, *, languages: str, memory_mb: int) -> ParsedDocument:
    """Return the document with the text of its scanned pages, and a warning about those that were not read.

    Raises:
        ParsingError: NEEDS_OCR where scans are all it has and tesseract is not there; NO_TEXT where that finds none.
    """
    if not parsed.scanned_pages:
        return parsed
    if shutil.which("tesseract") is None:
        warning = f"{_pages(len(parsed.scanned_pages))} not read: install tesseract-ocr."
        if not has_text(parsed):
            raise ParsingError(
                ParsingProblem.NEEDS_OCR,
                f"The file holds scans only. {warning} An administrator can do that; then try again.",
            )
        return _with_pages(parsed, {}, warning)
    read, problem = _read_pages(path, parsed.scanned_pages, languages, memory_mb)
    missing = len(parsed.scanned_pages) - len(read)
    result = _with_pages(parsed, read, f"{_pages(missing)} not read: {problem}." if missing else "")
    if not has_text(result):
        raise no_text()
    return result


def _pages(count: int) -> str:
    return f"{count} scanned page{'s were' if count > 1 else ' was'}"


def _read_pages(
    path: Path, numbers: Sequence[int], languages: str, memory_mb: int
) -> tuple[dict[int, list[str]], str]:
    """Return the paragraphs of each page that could be read, and why others could not."""
    deadline = time.monotonic() + ALL_TIMEOUT_S
    read: dict[int, list[str]] = {}
    problem = ""
    for number in numbers:
        if len(read) >= MAX_PAGES or time.monotonic() > deadline:
            return read, "only so many are, of one document"
        try:
            ended = run_child(
                "rag.parsing.scan_page",
                [str(path.resolve()), str(number), languages],
                timeout_s=PAGE_TIMEOUT_S,
                memory_mb=memory_mb,
                environment=_ONE_THREAD,
            )
        except ParsingError as error:
            problem = error.code
            continue
        if ended.status == 0:
            read[number] = _paragraphs(ended.answer.decode(errors="replace"))
        else:
            problem = "text recognition failed"
            logger.warning("Page %d of %s: %d %s", number, path.name, ended.status, ended.complaints)
    return read, problem


def _paragraphs(text: str) -> list[str]:
    pieces = _BLANK_LINES.split(_DIVIDED_WORD.sub("", text.replace("\f", "\n\n")))
    return [" ".join(piece.split()) for piece in pieces if piece.strip()]


def _with_pages(parsed: ParsedDocument, read: Mapping[int, list[str]], warning: str) -> ParsedDocument:
    """The document with those paragraphs where their pages are, each below the heading that is open there."""
    blocks: list[Block] = []
    rest = list(parsed.blocks)[::-1]
    for number in sorted(read):
        while rest and (rest[-1].page or 0) <= number:
            blocks.append(rest.pop())
        heading = blocks[-1].section if blocks else ()
        blocks += (Block(paragraph, number, heading) for paragraph in read[number])
    warnings = (*parsed.warnings, warning) if warning else parsed.warnings
    return replace(parsed, blocks=(*blocks, *rest[::-1]), scanned_pages=(), warnings=warnings)
