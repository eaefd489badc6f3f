"""Fixtures that run the program as processes of their own over the test database.

A test that uses them is marked `django_db(transaction=True)`: what it writes must be committed for
another process to see it. No worker outlives its test: it would take the next test's jobs, and write while the tables
are emptied. So each fixture here asks for `transactional_db`, which is torn down, with the emptying, after it.
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 60.0
_NO_ENVIRONMENT: Mapping[str, str] = {}


@dataclass
class RunningProcess:
    """A process of the program; `url` is empty for a worker. What it printed is in `log`."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""

    def stop(self) -> int:
        """Ask it to end and wait; gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()


StartServer = Callable[..., RunningProcess]


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with the name of the test database in it."""
    from django.conf import settings
    from django.db import connection

    name = connection.settings_dict["NAME"]
    if settings.DATABASE_IS_EMBEDDED:
        from project.embedded.addresses import embedded_addresses

        database_url = embedded_addresses(settings.DATA_DIR).database_url(name)
    else:
        database_url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    return {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": settings.REDIS_URL, **extra}


def _start_server(
    log: Path,
    *,
    port: int = 0,
    environment: Mapping[str, str] = _NO_ENVIRONMENT,
    module: str = "project.web",
) -> RunningProcess:
    with socket.create_server(("127.0.0.1", port), backlog=512) as listener:
        port = listener.getsockname()[1]
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module, "--fd", str(listener.fileno())],
                cwd=ROOT,
                env=_environment(environment),
                pass_fds=[listener.fileno()],
                stdout=output,
                stderr=output,
            )
    _wait_until_answering(process, port, log)
    return RunningProcess(process, log, f"http://127.0.0.1:{port}")


def _wait_until_answering(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=START_TIMEOUT_S)
        try:
            client.request("GET", "/health/live")
            client.getresponse().read()
            return
        except OSError:
            time.sleep(0.05)
        finally:
            client.close()
    process.kill()
    process.wait()
    pytest.fail(f"The server did not start:\n{log.read_text()}")


def _start_worker(log: Path, *, environment: Mapping[str, str] = _NO_ENVIRONMENT) -> RunningProcess:
    from procrastinate.contrib.django.models import ProcrastinateWorker

    before = set(ProcrastinateWorker.objects.values_list("id", flat=True))
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT,
            env=_environment({"PARLEY_SUPERVISED": "1", **environment}),
            stdout=output,
            stderr=output,
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if set(ProcrastinateWorker.objects.values_list("id", flat=True)) - before:
            return RunningProcess(process, log)
        time.sleep(0.05)
    process.kill()
    process.wait()
    pytest.fail(f"The worker did not start:\n{log.read_text()}")


def _end(running: list[RunningProcess]) -> None:
    for one in running:
        if one.process.poll() is None:
            one.process.terminate()
    for one in running:
        try:
            one.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            one.kill()
            raise


@contextmanager
def run_server(log: Path, **options: Any) -> Iterator[RunningProcess]:
    """A web process that outlives a test: for fixtures of a file or a folder. Options: those of `start_parley_server`.

    It takes no jobs, and keeps nothing by name: the next test's people and rooms have other numbers.
    """
    server = _start_server(log, **options)
    try:
        yield server
    finally:
        _end([server])


@pytest.fixture
def start_parley_server(transactional_db: None, tmp_path: Path) -> Iterator[StartServer]:
    """A function that starts a web process: `(port=0, environment={}, module="project.web") -> RunningProcess`."""
    running: list[RunningProcess] = []

    def start(**options) -> RunningProcess:
        running.append(_start_server(tmp_path / f"web-{len(running)}.log", **options))
        return running[-1]

    yield start
    _end(running)


@pytest.fixture
def start_parley_worker(transactional_db: None, tmp_path: Path) -> Iterator[StartServer]:
    """A function that starts a job worker: `(environment={}) -> RunningProcess`."""
    running: list[RunningProcess] = []

    def start(**options) -> RunningProcess:
        running.append(_start_worker(tmp_path / f"worker-{len(running)}.log", **options))
        return running[-1]

    yield start
    _end(running)


@pytest.fixture(scope="module")
def web_process(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a web process for all tests of a file. What it printed is in the folder `web` of the run."""
    with run_server(tmp_path_factory.mktemp("web") / "web.log") as server:
        yield server.url


@pytest.fixture
def parley_server(transactional_db: None, web_process: str) -> str:
    """The base URL of a web process, which is not to be harmed."""
    return web_process
