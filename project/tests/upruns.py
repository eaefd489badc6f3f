"""Runs of `manage.py up` in a data directory of their own, for the tests of `up`."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from project.embedded import processes
from project.embedded.addresses import Addresses, embedded_addresses

ROOT = Path(__file__).resolve().parents[2]
_GIVEN_FROM_OUTSIDE = (
    "DATABASE_URL",
    "REDIS_URL",
    "DJANGO_SETTINGS_MODULE",
    "CHANNEL_PREFIX",
    "PARLEY_SUPERVISED",
)
_MARKS = (
    "postgres",
    "valkey",
    "project.web",
    "worker",
)  # in this order: PostgreSQL has settings about workers


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def environment(data_dir: Path, **extra: str) -> dict[str, str]:
    """This environment without what names services; `data_dir` for the program's data."""
    kept = {name: value for name, value in os.environ.items() if name not in _GIVEN_FROM_OUTSIDE}
    return {**kept, "DATA_DIR": str(data_dir), **extra}


@dataclass
class Up:
    """One run of `up`, with what it printed."""

    data_dir: Path
    arguments: tuple[str, ...] = ("--no-demo",)
    port: int = field(default_factory=free_port)
    variables: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> "Up":
        """Start it; `wait_until_ready` may follow."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", *self.arguments],
                cwd=ROOT,
                env=environment(self.data_dir, PORT=str(self.port), **self.variables),
                stdout=output,
                stderr=output,
            )
        return self

    @property
    def log(self) -> Path:
        return self.data_dir.with_name(self.data_dir.name + ".log")

    @property
    def addresses(self) -> Addresses:
        return embedded_addresses(self.data_dir)

    def printed(self) -> str:
        return self.log.read_text()

    def wait_until_ready(self) -> "Up":
        deadline = time.monotonic() + 60
        while "Parley is ready" not in self.printed():
            assert self.process.poll() is None and time.monotonic() < deadline, self.printed()
            time.sleep(0.02)
        return self

    def children(self) -> dict[str, int]:
        """The pids of its direct children by what they are; of several of a kind, one."""
        return {mark: pids[-1] for mark in _MARKS if (pids := self.pids(mark))}

    def pids(self, kind: str) -> list[int]:
        """The pids of its direct children of a kind."""
        found: list[int] = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((entry / "stat").read_text().rpartition(") ")[2].split()[1])
                command = (entry / "cmdline").read_text()
            except OSError:
                continue
            if parent == self.process.pid and [mark for mark in _MARKS if mark in command][:1] == [kind]:
                found.append(int(entry.name))
        return sorted(found)

    def everything(self) -> set[int]:
        """The pids of all it has running, PostgreSQL's own processes included."""
        return {*self.children().values(), *processes.processes_in(self.addresses.postgres_data)}

    def health(self) -> int:
        """The status of `/health/ready`, or 0 when nobody answers."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            client.request("GET", "/health/ready")
            return client.getresponse().status
        except OSError:
            return 0
        finally:
            client.close()

    def wait_until_healthy(self) -> None:
        deadline = time.monotonic() + 60
        while self.health() != 200:
            assert time.monotonic() < deadline, self.printed()
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; gives the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=60)

    def clean_up(self) -> None:
        """End whatever is left, also after a failed test, and remove the data."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        leftover = (signal.SIGINT, 5.0), (signal.SIGKILL, 2.0)
        processes.end(processes.processes_in(self.addresses.postgres_data), leftover)
        processes.end(processes.processes_in(self.addresses.valkey_home), leftover)
        self.addresses.remove()


def open_files(pid: int) -> list[str]:
    """What a process has open, as the kernel names it; what it closes while this is read is left out."""
    targets = []
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed since the folder was read
                targets.append(os.readlink(descriptor))
    except (FileNotFoundError, ProcessLookupError):  # ended, as PostgreSQL's workers do; it listens no more
        pass
    return targets


def tcp_listeners(pids: set[int]) -> list[tuple[str, int]]:
    """The addresses (hexadecimal, as the kernel has them) and ports on which these processes listen by TCP."""
    inodes = {target[8:-1] for pid in pids for target in open_files(pid) if target.startswith("socket:[")}
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A" and columns[9] in inodes:  # 0A: listening
                address, port = columns[1].split(":")
                found.append((address, int(port, 16)))
    return found
