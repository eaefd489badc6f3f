"""`manage.py up`: everything one installation needs on one machine, started, watched and stopped together.

The socket is bound first and the web processes load while the database starts; they serve once the
migrations are done. What dies is restarted, later each time it dies at once. SIGTERM or Ctrl-C stops all
within ten seconds. When this process is killed, the kernel ends its children, the services included; what
may be left all the same, the next start adopts or ends.

This process never loads Django's apps, so it stays small.
"""

import argparse
import contextlib
import http.client
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from types import FrameType

from project.embedded import processes
from project.embedded.addresses import embedded_addresses
from project.embedded.errors import EmbeddedError
from project.embedded.services import Services

ROOT = Path(__file__).resolve().parent.parent
BACKLOG = 2048
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 5.0  # for web and workers together; Valkey and PostgreSQL need about one more
OTHER_STOPS_S = 2.0
RESTART_DELAY_MAX_S = 30.0
STABLE_AFTER_S = 30.0  # a child that lived this long is restarted at once


class StopRequested(BaseException):
    """A signal asked for the end; raised wherever the supervisor is."""


class StartFailed(Exception):
    """The message is a sentence for the person at the terminal."""


@dataclass
class Child:
    """A process that runs until told to stop, and is started again when it ends by itself."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes]
    started_at: float = field(default_factory=time.monotonic)
    restart_at: float | None = None
    delay_s: float = 0.0

    def watch(self, now: float) -> None:
        """Start it again if it has ended and its pause is over."""
        if self.restart_at is None:
            if self.process.poll() is None:
                return
            stable = now - self.started_at > STABLE_AFTER_S
            self.delay_s = 0.0 if stable else min(RESTART_DELAY_MAX_S, self.delay_s * 2 or 0.25)
            self.restart_at = now + self.delay_s
            _warn(f"{self.name} ended ({_reason(self.process.returncode)}); starting it again")
        if now >= self.restart_at:
            self.process = self.start()
            self.started_at, self.restart_at = now, None


class Supervisor:
    """One run of `up`."""

    def __init__(self, *, host: str, port: int, services: Services, web: int, jobs: int, demo: bool) -> None:
        self.host, self.port = host, port
        self.services = services
        self.web_count, self.job_count, self.demo = web, jobs, demo
        self.children: list[Child] = []
        self.preparation: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._wake_reader, self._wake_writer = os.pipe()

    def run(self) -> int:
        """Start everything, watch over it, and stop it when a signal asks; gives the exit code."""
        self._install_signal_handlers()
        try:
            with self._sole_supervisor(), self.services.lock("users", shared=True):
                try:
                    self._start()
                    self._watch()
                finally:
                    self._stopping = True
                    self._stop()
        except StopRequested:
            return 0
        except (StartFailed, EmbeddedError) as error:
            print(f"Error: {error}", file=sys.stderr, flush=True)
            return 1

    # ------------------------------------------------------------------------------------------ start

    @contextlib.contextmanager
    def _sole_supervisor(self) -> Iterator[None]:
        """Hold the lock that only one `up` of a data directory holds; one that is just stopping is waited for."""
        deadline = time.monotonic() + OTHER_STOPS_S
        with contextlib.ExitStack() as stack:
            while True:
                try:
                    stack.enter_context(self.services.lock("up", wait=False))
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise StartFailed(
                            f"`up` already runs on {self.services.addresses.data_dir}. "
                            "Stop it first, or set DATA_DIR to another folder."
                        ) from None
                    time.sleep(0.1)
            yield

    def _start(self) -> None:
        listener = self._bind()
        with _Gate() as database_gate, _Gate() as web_gate:
            prepare = ["-m", "project.prepare", *(() if self.demo else ("--no-demo",))]
            self.preparation = self._spawn(prepare, gate=database_gate, stdout=subprocess.PIPE)
            for _ in range(self.web_count):
                self._add_web(listener, web_gate)
            self.services.start(with_parent=True)
            database_gate.open()
            hint = self._await_preparation()
            web_gate.open(self.web_count)
        for _ in range(self.job_count):
            self._add("worker", lambda: self._spawn(["manage.py", "worker"]))
        self._await_answer()
        self._greet(hint)

    def _bind(self) -> socket.socket:
        """The listening socket; the web processes inherit it, so that it is there before and between them."""
        try:
            family, _, _, _, address = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = socket.create_server(address[:2], family=family, backlog=BACKLOG)
        except socket.gaierror:
            raise StartFailed(f"HOST: {self.host} is no address of this machine.") from None
        except OSError as error:
            raise StartFailed(
                f"Port {self.port} on {self.host} cannot be used ({os.strerror(error.errno or 0)}). "
                f"Set PORT to another one, for example PORT={self.port + 1}, or HOST to another address."
            ) from None
        return listener

    def _spawn(
        self,
        command: list[str],
        *,
        gate: "_Gate | None" = None,
        pass_fds: tuple[int, ...] = (),
        stdout: int | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a Python process of the program, which ends when this one does."""
        arguments = [sys.executable, *command]
        if gate and not gate.is_open:
            arguments += ["--wait-fd", str(gate.reader)]
            pass_fds += (gate.reader,)
        return subprocess.Popen(
            arguments,
            cwd=ROOT,
            env={**os.environ, "PARLEY_SUPERVISED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            pass_fds=pass_fds,
            start_new_session=True,  # Ctrl-C reaches this process alone, which then stops them in order
            preexec_fn=processes.die_with_parent(signal.SIGKILL),
        )

    def _add(self, name: str, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self.children.append(Child(name, start, start()))

    def _add_web(self, listener: socket.socket, gate: "_Gate") -> None:
        descriptor = listener.fileno()
        command = ["-m", "project.web", "--fd", str(descriptor)]
        self._listener = listener  # kept open for the processes that are started later
        self._add("web process", lambda: self._spawn(command, gate=gate, pass_fds=(descriptor,)))

    def _await_preparation(self) -> str:
        """Wait for migrations and demo; gives what was printed about signing in."""
        assert self.preparation is not None
        printed, _ = self.preparation.communicate()
        if self.preparation.returncode:
            raise StartFailed("The database could not be prepared; the reason is above.")
        return printed.decode().strip()

    def _await_answer(self) -> None:
        """Wait until a web process answers; one that ends instead ends the start."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            for child in self.children:
                if child.process.poll() is not None:
                    raise StartFailed(f"A {child.name} ended at its start; the reason is above.")
            client = http.client.HTTPConnection(self._local_host(), self.port, timeout=1)
            try:
                client.request("GET", "/health/live")
                client.getresponse().read()
                return
            except OSError:
                time.sleep(0.05)
            finally:
                client.close()
        raise StartFailed(f"The web process does not answer within {START_TIMEOUT_S:.0f} seconds.")

    def _local_host(self) -> str:
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)

    def _greet(self, hint: str) -> None:
        host = self._local_host()
        print(f"Parley is ready: http://{f'[{host}]' if ':' in host else host}:{self.port}", flush=True)
        if hint:
            print(hint, flush=True)
        if not _is_loopback(self.host):
            _warn(
                f"HOST is {self.host}: other machines can reach this port, and nothing here encrypts. "
                "Put a proxy with TLS in front of it."
            )
        print("Ctrl-C stops it.", flush=True)

    # ------------------------------------------------------------------------------- watch and stop

    def _watch(self) -> None:
        retry_at = 0.0
        while True:
            # SIGCHLD wakes it at once; the second is for services that were adopted and are no children.
            select.select([self._wake_reader], [], [], 1.0)
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_reader, 4096)
            now = time.monotonic()
            if now >= retry_at and not all(member.is_alive() for member in self.services.members):
                retry_at = now + self._restart_services()
            for child in self.children:
                child.watch(now)

    def _restart_services(self) -> float:
        """Start what died; gives the pause in seconds before the next try may follow."""
        dead = [member.name for member in self.services.members if not member.is_alive()]
        _warn(f"{' and '.join(dead)} ended; starting it again")
        try:
            self.services.start(with_parent=True)
        except EmbeddedError as error:
            _warn(str(error))
            return 5.0
        return 0.5

    def _stop(self) -> None:
        """Web processes and workers together, which have no order; then Valkey and PostgreSQL."""
        running = [child.process for child in self.children]
        if self.preparation:
            running.append(self.preparation)
        running = [process for process in running if process.poll() is None]
        steps = ((signal.SIGTERM, STOP_TIMEOUT_S), (signal.SIGKILL, 1.0))
        processes.end([process.pid for process in running], steps)
        for process in running:
            process.wait()
        self.services.stop()

    def _install_signal_handlers(self) -> None:
        def request_stop(_number: int, _frame: FrameType | None) -> None:
            if not self._stopping:
                self._stopping = True
                raise StopRequested

        os.set_blocking(self._wake_reader, False)
        os.set_blocking(self._wake_writer, False)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # `nohup` means it
                signal.signal(number, request_stop)
        if os.environ.get("PARLEY_STOP_WITH_PARENT"):
            processes.end_with_parent(signal.SIGTERM)


class _Gate:
    """Holds processes back until a byte for each is written; the end of this process lets none through."""

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()
        self.is_open = False

    def open(self, count: int = 1) -> None:
        os.write(self._writer, b"." * count)
        self.is_open = True

    def __enter__(self) -> "_Gate":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.reader)
        os.close(self._writer)


def main(arguments: list[str]) -> int:
    """Run `up` with the arguments after its name; gives the exit code."""
    parser = argparse.ArgumentParser(prog="manage.py up", description="Start everything and serve.")
    add_arguments(parser)
    options = parser.parse_args(arguments)
    from django.conf import settings  # reads the settings module only, none of the apps

    (settings.DATA_DIR / "static").mkdir(parents=True, exist_ok=True)
    services = Services(
        embedded_addresses(settings.DATA_DIR),
        postgres=settings.DATABASE_IS_EMBEDDED,
        valkey=settings.REDIS_IS_EMBEDDED,
        say=lambda line: print(line, flush=True),
    )
    return Supervisor(
        host=settings.HOST,
        port=settings.PORT,
        services=services,
        web=options.web,
        jobs=options.jobs,
        demo=not options.no_demo,
    ).run()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `up`, here and in `manage.py help up`."""
    parser.add_argument("--web", type=_at_least(1), default=1, help="web processes behind the port (1)")
    parser.add_argument("--jobs", type=_at_least(0), default=1, help="job workers (1)")
    parser.add_argument("--no-demo", action="store_true", help="without the demo's users, rooms, documents")


def _at_least(minimum: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if int(text) < minimum:
            raise argparse.ArgumentTypeError(f"must be {minimum} or more")
        return int(text)

    return number


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reason(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _warn(line: str) -> None:
    print(f"Warning: {line}", file=sys.stderr, flush=True)
