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
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rag.parsing.document import Block, ParsedDocument
from rag.parsing.errors import ParsingError, ParsingProblem, WrongType, corrupt, timed_out, too_large

logger = logging.getLogger(__name__)

MAX_OUTPUT_BYTES = 40_000_000  # no file that the process writes may be longer
UNPRIVILEGED_ID = 65534  # `nobody`: as root, a stranger's file is read by no one in particular
_OUT_OF_MEMORY = "memory allocation of"
_PROJECT = Path(__file__).resolve().parents[2]
_ENVIRONMENT = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PYTHONHOME",
    "PYTHONPATH",
    "TMPDIR",
    "VIRTUAL_ENV",
)


def parse_isolated(
    path: Path, media_type: str, *, timeout_s: float = 120.0, memory_mb: int = 2048
) -> ParsedDocument:
    """Return what `parse` returns, read in a separate process. Blocks; call it off the event loop.

    Raises:
        ParsingError: those of `parse`; TIMEOUT after `timeout_s`; TOO_LARGE if it needs more than
            `memory_mb` of address space or answers with more than 40 MB; CORRUPT if the process crashed.
    """
    with _readable(path) as readable:
        return _run(readable, media_type, timeout_s, memory_mb)


@contextmanager
def _readable(path: Path) -> Iterator[Path]:
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
    command = [sys.executable, "-m", "rag.parsing", str(path.resolve()), media_type]
    limits = [str(memory_mb), str(int(timeout_s) + 2)]
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    # Files instead of pipes: a limit on their size holds for whatever the process writes.
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as complaints:
        try:
            done = subprocess.run(
                command + limits,
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=complaints,
                cwd=_PROJECT,
                env=environment,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise timed_out(timeout_s) from None
        if done.returncode == -signal.SIGXCPU:
            raise timed_out(timeout_s)
        if os.fstat(answer.fileno()).st_size >= MAX_OUTPUT_BYTES:  # it was cut off there
            raise too_large()
        if done.returncode == -signal.SIGABRT and _OUT_OF_MEMORY in _tail(
            complaints
        ):  # said by libraries in Rust
            raise too_large()
        if done.returncode != 0:
            logger.warning("Parser of %s ended with %d: %s", path.name, done.returncode, _tail(complaints))
            raise corrupt()
        answer.seek(0)
        try:
            return decode_answer(json.load(answer))
        except (ValueError, KeyError, TypeError) as error:
            logger.warning("Parser of %s answered in another form: %r", path.name, error)
            raise corrupt() from error


def _tail(file: IO[bytes]) -> str:
    file.seek(max(0, file.seek(0, os.SEEK_END) - 2000))
    return file.read().decode(errors="replace").strip()


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
