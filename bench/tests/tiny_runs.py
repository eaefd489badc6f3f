"""`python -m bench` as a child, on the smallest scale: to see that it runs, from its servers to its tables."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 240
needs_compiler = pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command with these arguments, when it has ended."""
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S,
    )  # fmt: skip


def measured(folder: Path, *arguments: str) -> tuple[list[dict[str, Any]], str]:
    """The runs of the load client as they were written down, and the tables, of a benchmark that must not fail."""
    output = folder / "runs.jsonl"
    done = bench(*arguments, "--tiny", "--json", str(output))
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in output.read_text().splitlines()], done.stdout


def assert_refused(problem: str, *arguments: str) -> None:
    """The command has no such part or server, and says so before it starts anything."""
    done = bench(*arguments)
    assert done.returncode == 2
    assert problem in done.stderr
