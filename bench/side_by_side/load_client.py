"""The load client: compiled from `load/*.c` when it is needed, then run on its own core."""

import json
import resource
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.program import BenchError
from bench.side_by_side.machine import child_setup
from bench.side_by_side.servers import Running

SOURCES = Path(__file__).with_name("load")
TIMEOUT_S = 600.0
Figures = dict[str, Any]


def compile_client(folder: Path) -> Path:
    """The load client, compiled into the folder unless it is there.

    Raises:
        BenchError: there is no C compiler, or it refuses.
    """
    program = folder / "load"
    if program.exists():
        return program
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise BenchError(
            "A C compiler is needed for the load client (Debian: apt-get install gcc libc6-dev)."
        )
    command = [compiler, "-O2", "-std=gnu11", "-o", str(program), *map(str, sorted(SOURCES.glob("*.c")))]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BenchError(f"the load client does not compile:\n{done.stderr}")
    return program


def allow_many_files() -> None:
    """Raise the limit of open files to what the system allows; children inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def load(running: Running, arguments: Sequence[str]) -> Figures:
    """Put load on the server; gives the figures of the client's one line, with `problem` empty if all went well.

    Raises:
        BenchError: the client could not be run or said nothing.
    """
    ground, server = running.ground, running.server
    command = [
        *(compile_client(ground.folder), "--port", running.port, "--path", server.path),
        *("--tokens", ground.seed.tokens, "--auth-extra", server.auth),
        *("--server", ",".join(map(str, running.pids)), "--database", ground.database_pid),
        *("--dialect", server.dialect),
        *arguments,
    ]
    setup = child_setup(ground.cores.load, signal.SIGKILL)
    try:
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            preexec_fn=setup,
        )
    except subprocess.TimeoutExpired:
        return {"problem": f"no result within {TIMEOUT_S:.0f} s"}
    if done.returncode not in (0, 1) or not done.stdout:
        raise BenchError(f"the load client failed ({done.returncode}): {done.stderr[-500:]}")
    figures: Figures = json.loads(done.stdout)
    return figures
