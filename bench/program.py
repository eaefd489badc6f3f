"""The program under measurement: `manage.py up` as a child, on a data directory and a port of its own."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from project.embedded.addresses import embedded_addresses

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "measured, not guessed"
START_TIMEOUT_S = 120.0
# Emptied, which counts as unset: what the caller's shell or a .env file names, and a measurement must not meet.
UNSET = """DATABASE_URL REDIS_URL CHANNEL_PREFIX STORAGE_URL PUBLIC_URL HOST DEBUG
    RERANKER_URL ANTHROPIC_API_KEY ANTHROPIC_BASE_URL ANTHROPIC_MODEL EMBEDDINGS_URL EMBEDDINGS_API_KEY EMBEDDINGS_MODEL
    PYTHONDONTWRITEBYTECODE""".split()  # the last one would compile the sources at each start


class BenchError(Exception):
    """The program did not do what is to be measured."""


def connect_embedded(data_dir: Path) -> psycopg.Connection[Any]:
    """A connection to the embedded database of the folder, whose server runs; each statement for itself."""
    address: dict[str, Any] = embedded_addresses(data_dir).database
    return psycopg.connect(
        dbname=address["NAME"],
        user=address["USER"],
        password=address["PASSWORD"],
        host=address["HOST"],
        port=address["PORT"],
        autocommit=True,
    )


class Program:
    """One run of `up`; `start` and `stop` give the seconds they took.

    Args:
        data_dir: what it keeps; a second Program on the same folder is a warm start.
        environment: variables beyond the ones every run gets.
    """

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = data_dir / "up.log"
        self.environment = {
            **os.environ,
            **dict.fromkeys(UNSET, ""),
            "DATA_DIR": str(data_dir),
            "PORT": str(self.port),
            "DEMO_PASSWORD": PASSWORD,
            "RATE_LIMITS": "off",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._tokens: dict[str, tuple[str, float]] = {}

    def start(self) -> float:
        """Start it and wait for its first page; gives the seconds between.

        Raises:
            BenchError: it ended, or gave no page within two minutes.
        """
        begun = time.perf_counter()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        while not self._answers():
            if self.process.poll() is not None or time.perf_counter() - begun > START_TIMEOUT_S:
                raise BenchError(f"`up` gave no page:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.01)
        return time.perf_counter() - begun

    def stop(self) -> float:
        """End it as Ctrl-C does; gives the seconds it took."""
        if self.process is None or self.process.poll() is not None:
            return 0.0
        begun = time.perf_counter()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        return time.perf_counter() - begun

    @property
    def pid(self) -> int:
        """The process of `up` itself."""
        assert self.process is not None
        return self.process.pid

    def _answers(self) -> bool:
        # The port is bound before the program can answer: a request then waits in the socket's queue.
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_TIMEOUT_S)
        try:
            client.request("GET", "/sign-in/")
            return client.getresponse().status == 200
        except OSError:
            return False
        finally:
            client.close()

    # ------------------------------------------------------------------------------------- as a client

    def token(self, username: str = "ada") -> str:
        """A token that is good for some minutes more."""
        token, made = self._tokens.get(username, ("", 0.0))
        if not token or time.monotonic() - made > 300:
            body = {"username": username, "password": PASSWORD}
            reply = httpx2.post(f"{self.url}/api/token/", json=body, timeout=30)
            reply.raise_for_status()
            token = reply.json()["access"]
            self._tokens[username] = token, time.monotonic()
        return token

    def graphql(
        self, query: str, variables: dict[str, Any] | None = None, *, file: Path | None = None
    ) -> Any:
        """The `data` of a GraphQL reply; `file` goes in as the variable `file` of the input.

        Raises:
            BenchError: the reply has errors.
        """
        body = {"query": query, "variables": variables or {}}
        headers = {"Authorization": f"Bearer {self.token()}"}
        if file is None:
            reply = httpx2.post(f"{self.url}/graphql", json=body, headers=headers, timeout=60)
        else:
            form = {"operations": json.dumps(body), "map": json.dumps({"0": ["variables.input.file"]})}
            files = {"0": (file.name, file.read_bytes(), "application/pdf")}
            reply = httpx2.post(f"{self.url}/graphql", data=form, files=files, headers=headers, timeout=60)
        content = reply.json()
        if reply.status_code != 200 or content.get("errors"):
            raise BenchError(f"GraphQL: {reply.status_code} {str(content)[:500]}")
        return content["data"]

    # -------------------------------------------------------------------------------------- from inside

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of its database: what it wrote down about itself."""
        with connect_embedded(self.data_dir) as connection:
            return connection.execute(statement, parameters).fetchall()

    def command(self, *arguments: str) -> str:
        """What a management command printed.

        Raises:
            BenchError: it failed.
        """
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True
        )
        if done.returncode:
            raise BenchError(f"{' '.join(arguments)}: {done.stderr[-2000:]}")
        return done.stdout

    def settle(self, timeout_s: float = 180.0) -> None:
        """Wait until every document is READY, so that no job disturbs what follows.

        Raises:
            BenchError: a document failed, or took too long.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            counts = dict(self.rows("select status, count(*) from rag_document group by status"))
            if counts.get("failed"):
                raise BenchError(f"documents: {counts}")
            if set(counts) <= {"ready"}:
                return
            if time.monotonic() > deadline:
                raise BenchError(f"documents are not READY after {timeout_s:.0f} s: {counts}")
            time.sleep(0.25)


@contextmanager
def data_folder() -> Iterator[Path]:
    """A fresh data directory, removed at the end with all that the embedded services kept for it."""
    folder = Path(tempfile.mkdtemp(prefix="parley-bench-"))
    try:
        yield folder
    finally:
        if (folder / "embedded.json").exists():
            embedded_addresses(folder).remove()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(data_dir: Path | None = None, **environment: str) -> Iterator[Program]:
    """A program that runs until the end of the block, on `data_dir` or on a fresh one."""
    if data_dir is None:
        with data_folder() as fresh, running(fresh, **environment) as program:
            yield program
        return
    program = Program(data_dir, **environment)
    try:
        program.start()
        yield program
    finally:
        program.stop()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
