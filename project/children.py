"""The processes that `up` starts and watches over."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from project.embedded import processes
from project.pulse import Pulse

ROOT = Path(__file__).resolve().parent.parent
RESTART_DELAY_MAX_S = 30.0
# glibc would keep memory apart for each thread; with two such arenas a worker idles at 50 MB less.
MALLOC_ARENAS = "2"
STABLE_AFTER_S = 30.0  # a child that lived this long is restarted at once


@dataclass
class Child:
    """A process that runs until told to stop, and is started again when it ends by itself or hangs."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes]
    pulse: Pulse | None = None
    started_at: float = field(default_factory=time.monotonic)
    restart_at: float | None = None
    delay_s: float = 0.0

    def watch(self, now: float) -> None:
        """Start it again if it has ended and its pause is over; end it if its pulse is lost."""
        if self.restart_at is None:
            if self.process.poll() is None:
                if self.pulse and self.pulse.is_lost(now):
                    warn(f"{self.name} hangs: no sign of life for {self.pulse.limit_s:.0f} seconds")
                    self.process.kill()  # its end is noticed like any other
                return
            stable = now - self.started_at > STABLE_AFTER_S
            self.delay_s = 0.0 if stable else min(RESTART_DELAY_MAX_S, self.delay_s * 2 or 0.25)
            self.restart_at = now + self.delay_s
            warn(f"{self.name} ended ({_reason(self.process.returncode)}); starting it again")
        if now >= self.restart_at:
            self.process = self.start()
            self.started_at, self.restart_at = now, None


class Gate:
    """Holds processes back until a byte for each is written; the end of this process lets none through."""

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()
        self.is_open = False

    def open(self, count: int = 1) -> None:
        os.write(self._writer, b"." * count)
        self.is_open = True

    def __enter__(self) -> "Gate":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.reader)
        os.close(self._writer)


def spawn(
    command: list[str],
    *,
    gate: Gate | None = None,
    pulse: Pulse | None = None,
    pass_fds: tuple[int, ...] = (),
    stdout: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a Python process of the program, which ends when this one does; a closed gate holds it back.

    With a pulse, it is to write bytes to the descriptor it gets as `--pulse-fd`.
    """
    arguments = [sys.executable, *command]
    if gate and not gate.is_open:
        arguments += ["--wait-fd", str(gate.reader)]
        pass_fds += (gate.reader,)
    with contextlib.ExitStack() as stack:
        if pulse:
            writer = pulse.begin()
            stack.callback(os.close, writer)
            arguments += ["--pulse-fd", str(writer)]
            pass_fds += (writer,)
        return subprocess.Popen(
            arguments,
            cwd=ROOT,
            env={"MALLOC_ARENA_MAX": MALLOC_ARENAS, **os.environ, "PARLEY_SUPERVISED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            pass_fds=pass_fds,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which then stops them in order
            preexec_fn=processes.die_with_parent(signal.SIGKILL),
        )


def _reason(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def warn(line: str) -> None:
    """Tell the person at the terminal."""
    print(f"Warning: {line}", file=sys.stderr, flush=True)
