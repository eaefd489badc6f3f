"""`manage.py up`: everything one installation needs on one machine, started, watched and stopped together.

The socket is bound first and the web processes load while the database starts; they serve once the
migrations are done. What dies is restarted, later each time it dies at once; a web process whose event loop
stands still for half a minute is killed first. SIGTERM or Ctrl-C stops all
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
from ipaddress import ip_address
from types import FrameType
from typing import NoReturn

from project.children import Child, Gate, spawn, warn
from project.embedded import processes
from project.embedded.addresses import embedded_addresses
from project.embedded.errors import EmbeddedError
from project.embedded.services import Services
from project.pulse import SILENCE_LIMIT_S, Pulse

BACKLOG = 2048
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 5.0  # for web and workers together; Valkey and PostgreSQL need about one more
OTHER_STOPS_S = 2.0


class StopRequested(BaseException):
    """A signal asked for the end; raised wherever the supervisor is."""


class StartFailed(Exception):
    """The message is a sentence for the person at the terminal."""


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
                listener = self._bind()
                try:
                    self._start(listener)
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

    def _start(self, listener: socket.socket) -> None:
        with Gate() as database_gate, Gate() as web_gate:
            prepare = ["-m", "project.prepare", *(() if self.demo else ("--no-demo",))]
            self.preparation = spawn(prepare, gate=database_gate, stdout=subprocess.PIPE)
            for _ in range(self.web_count):
                self._add_web(listener, web_gate)
            self.services.start(with_parent=True)
            database_gate.open()
            hint = self._await_preparation()
            web_gate.open(self.web_count)
        for _ in range(self.job_count):
            self._add("worker", lambda: spawn(["manage.py", "worker"]))
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

    def _add(
        self, name: str, start: Callable[[], subprocess.Popen[bytes]], pulse: Pulse | None = None
    ) -> None:
        self.children.append(Child(name, start, start(), pulse))

    def _add_web(self, listener: socket.socket, gate: Gate) -> None:
        descriptor = listener.fileno()
        command = ["-m", "project.web", "--fd", str(descriptor)]
        pulse = Pulse(float(os.environ.get("PARLEY_SILENCE_LIMIT_S", SILENCE_LIMIT_S)))
        self._add(
            "web process", lambda: spawn(command, gate=gate, pulse=pulse, pass_fds=(descriptor,)), pulse
        )

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
            warn(
                f"HOST is {self.host}: other machines can reach this port, and nothing here encrypts. "
                "Put a proxy with TLS in front of it."
            )
        print("Ctrl-C stops it.", flush=True)

    # ------------------------------------------------------------------------------- watch and stop

    def _watch(self) -> NoReturn:
        retry_at = 0.0
        while True:
            # SIGCHLD wakes it at once; the second is for pulses, and for services that were adopted and are
            # no children.
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
        warn(f"{' and '.join(dead)} ended; starting it again")
        try:
            self.services.start(with_parent=True)
        except EmbeddedError as error:
            warn(str(error))
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
