"""Reads a file in a process of its own, which a hostile file may hang, crash or fill without harm.

The process is fresh (no Django, no memory of this one), gets none of this process's environment beyond what
Python needs, and has limits on memory, time and output. Started by root, it becomes `nobody` before it opens the
file. Its answer is JSON: it is not trusted either.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.parsing.child import run_child
from rag.parsing.document import Block, ParsedDocument
from rag.parsing.errors import ParsingError, ParsingProblem, WrongType, corrupt, too_large
from rag.parsing.limits import UNPRIVILEGED_ID
from rag.parsing.scans import read_scans

logger = logging.getLogger(__name__)

_OUT_OF_MEMORY = "memory allocation of"  # said by libraries in Rust


def parse_isolated(
    path: Path,
    media_type: str,
    *,
    timeout_s: float = 120.0,
    memory_mb: int = 2048,
    ocr_languages: str = "eng",
) -> ParsedDocument:
    """Return what `parse` returns, read in a separate process, with the text of scanned pages.

    Blocks; call it off the event loop. `ocr_languages` are tesseract's, as in "deu+eng".

    Raises:
        ParsingError: those of `parse` and `read_scans`; TIMEOUT after `timeout_s`; TOO_LARGE if it needs more than
            `memory_mb` of address space or answers with more than 40 MB; CORRUPT if the process crashed.
    """
    with readable_copy(path) as readable:
        parsed = _run(readable, media_type, timeout_s, memory_mb)
        return read_scans(readable, parsed, languages=ocr_languages, memory_mb=memory_mb)


@contextmanager
def readable_copy(path: Path) -> Iterator[Path]:
    """The file, or for root a copy: the process then runs as nobody, whom the folders of stored files keep out."""
    if os.geteuid() != 0 or not path.exists():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="parley-") as folder:
        copy = Path(shutil.copyfile(path, Path(folder) / path.name))
        copy.chmod(0o400)
        for owned in (copy, Path(folder)):
            os.chown(owned, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
        yield copy


def _run(path: Path, media_type: str, timeout_s: float, memory_mb: int) -> ParsedDocument:
    ended = run_child(
        "rag.parsing", [str(path.resolve()), media_type], timeout_s=timeout_s, memory_mb=memory_mb
    )
    if ended.status == -signal.SIGABRT and _OUT_OF_MEMORY in ended.complaints:
        raise too_large()
    if ended.status != 0:
        logger.warning("Parser of %s ended with %d: %s", path.name, ended.status, ended.complaints)
        raise corrupt()
    try:
        return decode_answer(json.loads(ended.answer))
    except (ValueError, KeyError, TypeError) as error:
        logger.warning("Parser of %s answered in another form: %r", path.name, error)
        raise corrupt() from error


def encode_answer(result: ParsedDocument | ParsingError) -> dict[str, Any]:
    """Return what the process says of its file, for JSON."""
    if isinstance(result, ParsingError):
        return {"error": {"code": result.code, "message": result.message}}
    blocks = [[block.text, block.page, block.heading, block.is_heading] for block in result.blocks]
    return {
        "title": result.title,
        "page_count": result.page_count,
        "scanned_pages": result.scanned_pages,
        "warnings": result.warnings,
        "blocks": blocks,
    }


def decode_answer(answer: dict[str, Any]) -> ParsedDocument:
    """Return the document of an answer; the inverse of encode_answer.

    Raises:
        ParsingError: the one that was encoded.
    """
    if error := answer.get("error"):
        code = ParsingProblem(error["code"])
        if code == ParsingProblem.UNSUPPORTED_TYPE:
            raise WrongType(error["message"])
        raise ParsingError(code, error["message"])
    blocks = tuple(
        Block(text, page, tuple(heading), is_heading) for text, page, heading, is_heading in answer["blocks"]
    )
    return ParsedDocument(
        answer["title"],
        blocks,
        answer["page_count"],
        tuple(answer["scanned_pages"]),
        tuple(answer["warnings"]),
    )
