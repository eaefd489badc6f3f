"""A process of its own for a file of somebody else: bounded in time, memory and output, without this one's secrets."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rag.parsing.errors import timed_out, too_large

MAX_OUTPUT_BYTES = 40_000_000  # no file that the process writes may be longer
PROJECT = Path(__file__).resolve().parents[2]
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
_COMPLAINT_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit status (negative: the signal), what it wrote, the end of its complaints."""

    status: int
    answer: bytes
    complaints: str


def run_child(
    module: str,
    arguments: Sequence[str],
    *,
    timeout_s: float,
    memory_mb: int,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run `python -m MODULE ARGUMENTS MEMORY_MB CPU_SECONDS`, which limits itself before it opens anything.

    Raises:
        ParsingError: TIMEOUT, or TOO_LARGE where it wrote more than MAX_OUTPUT_BYTES.
    """
    command = [sys.executable, "-m", module, *arguments, str(memory_mb), str(int(timeout_s) + 2)]
    passed_on = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    # Files instead of pipes: a limit on their size holds for whatever the process writes.
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as complaints:
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=complaints,
                cwd=PROJECT,
                env=passed_on | dict(environment or {}),
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise timed_out(timeout_s) from None
        if done.returncode == -signal.SIGXCPU:
            raise timed_out(timeout_s)
        if os.fstat(answer.fileno()).st_size >= MAX_OUTPUT_BYTES:  # it was cut off there
            raise too_large()
        answer.seek(0)
        return Ended(done.returncode, answer.read(), _tail(complaints))


def _tail(file: IO[bytes]) -> str:
    file.seek(max(0, file.seek(0, os.SEEK_END) - _COMPLAINT_BYTES))
    return file.read().decode(errors="replace").strip()
