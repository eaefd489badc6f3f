"""Unpacks a ZIP archive in a process of its own: files for as long as they are needed."""

from __future__ import annotations

import json
import logging
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.parsing.child import run_child
from rag.parsing.errors import ParsingError, ParsingProblem, corrupt
from rag.parsing.isolated import readable_copy
from rag.parsing.limits import UNPRIVILEGED_ID

logger = logging.getLogger(__name__)

TIMEOUT_S = 120.0
MEMORY_MB = 1024


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was in an archive.

    Attributes:
        members: (path in the archive, the file) of what can be read, in the archive's order.
        left_out: (path, reason as in "is empty") of other files.
    """

    members: tuple[tuple[str, Path], ...]
    left_out: tuple[tuple[str, str], ...]


@contextmanager
def unpack_isolated(path: Path) -> Iterator[Unpacked]:
    """Give the members of an archive as files, which are removed at the end. Blocks.

    Raises:
        ParsingError: ENCRYPTED, CORRUPT, TOO_LARGE, TIMEOUT.
    """
    with readable_copy(path) as readable, tempfile.TemporaryDirectory(prefix="parley-") as folder:
        if os.geteuid() == 0:
            os.chown(folder, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
        ended = run_child(
            "rag.parsing.unpack", [str(readable.resolve()), folder], timeout_s=TIMEOUT_S, memory_mb=MEMORY_MB
        )
        if ended.status != 0:
            logger.warning("Unpacking %s ended with %d: %s", path.name, ended.status, ended.complaints)
            raise corrupt()
        try:
            unpacked = _decode(json.loads(ended.answer), Path(folder))
        except (ValueError, KeyError, TypeError) as error:
            logger.warning("Unpacking %s answered in another form: %r", path.name, error)
            raise corrupt() from error
        yield unpacked


def _decode(answer: dict[str, Any], folder: Path) -> Unpacked:
    if error := answer.get("error"):
        raise ParsingError(ParsingProblem(error["code"]), error["message"])
    members = tuple((str(name), folder / str(number)) for number, (name, _) in enumerate(answer["members"]))
    # The process had the folder to itself: it is not trusted to have put plain files there.
    if not all(stat.S_ISREG(file.lstat().st_mode) for _, file in members):
        raise corrupt()
    return Unpacked(members, tuple((str(name), str(reason)) for name, reason in answer["left_out"]))
