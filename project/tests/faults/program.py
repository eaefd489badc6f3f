"""The program under faults: `up` with two web processes and a worker, all on a data directory of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from project.tests.faults.verdict import Content, Stored
from project.tests.upruns import ROOT, Up, environment

WEB, WORKER, VALKEY, POSTGRES = "project.web", "worker", "valkey", "postgres"
RESTART_TIMEOUT_S = 60.0
_MARK = "faults.mark"


@dataclass(frozen=True, slots=True)
class Cast:
    """Who takes part in a run: access tokens, and the rooms that all of them are members of."""

    tokens: list[str]
    rooms: list[str]


class Program:
    """A running `up`. Faults are signals to its children, which it starts again."""

    def __init__(self, up: Up) -> None:
        self.up = up
        self.port = up.port

    def cast(self, *, people: int, rooms: int = 2) -> Cast:
        """New people and rooms."""
        variables = {"DJANGO_SETTINGS_MODULE": "project.settings", **self.up.variables}
        done = subprocess.run(
            [sys.executable, "-m", "project.tests.faults.seed", str(people), str(rooms)],
            cwd=ROOT,
            env=environment(self.up.data_dir, **variables),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return Cast(**json.loads(done.stdout))

    # ------------------------------------------------------------------------------------------- faults

    def signal(self, kind: str, number: signal.Signals) -> int:
        """Send a signal to a child of the kind; gives its pid."""
        pid = self.up.pids(kind)[0]
        os.kill(pid, number)
        return pid

    def resume(self, pid: int) -> None:
        """Let a child go on that was stopped, if it is there."""
        if any(pid in self.up.pids(kind) for kind in (WEB, WORKER, VALKEY, POSTGRES)):
            os.kill(pid, signal.SIGCONT)

    def await_replacement(self, kind: str, pid: int, count: int = 1) -> None:
        """Wait until `count` children of the kind run without the one that was ended."""
        deadline = time.monotonic() + RESTART_TIMEOUT_S
        while pid in (pids := self.up.pids(kind)) or len(pids) < count:
            assert time.monotonic() < deadline, self.up.printed()
            time.sleep(0.05)

    def kill_everything(self) -> None:
        """Kill `up` itself, and with it, by the kernel, all that it runs; then start it again on the same data."""
        self.up.process.kill()
        self.up.process.wait()
        self.up.start().wait_until_ready()

    def mark_valkey(self) -> None:
        """Leave a key in Valkey, by which to tell whether it comes back empty."""
        with self._valkey() as valkey:
            valkey.set(_MARK, "here")

    def is_valkey_empty(self) -> bool:
        """Whether the mark is gone; waits until Valkey answers."""
        with self._valkey() as valkey:
            return valkey.get(_MARK) is None

    def _valkey(self) -> redis.Redis:
        patience = Retry(ConstantBackoff(0.1), int(RESTART_TIMEOUT_S * 10))
        return redis.Redis.from_url(self.up.addresses.redis_url, retry=patience)

    # -------------------------------------------------------------------------------------- from inside

    def rows(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of its database."""
        address: dict[str, Any] = self.up.addresses.database
        with psycopg.connect(
            dbname=address["NAME"],
            user=address["USER"],
            password=address["PASSWORD"],
            host=address["HOST"],
            port=address["PORT"],
        ) as connection:
            return connection.execute(statement, parameters).fetchall()

    def stored(self, cast: Cast) -> list[Stored]:
        """The messages of these rooms."""
        rows = self.rows(
            "select id, room_id, posted_version, version, case when kind = 'person' then client_id else '' end,"
            " text, status, deleted_at is not null from chat_message where room_id = any(%s) order by id",
            [int(room) for room in cast.rooms],
        )
        return [
            Stored(str(pk), str(room), posted, version, client, Content(text, status, deleted))
            for pk, room, posted, version, client, text, status, deleted in rows
        ]

    def versions(self, cast: Cast) -> dict[str, int]:
        """The rooms' versions."""
        statement = "select id, version from chat_room where id = any(%s)"
        return {str(pk): version for pk, version in self.rows(statement, [int(room) for room in cast.rooms])}


@contextmanager
def running_program(folder: Path, **variables: str) -> Iterator[Program]:
    """An `up` with two web processes and one worker, until the end of the block."""
    up = Up(
        folder / "data",
        arguments=("--no-demo", "--web", "2", "--jobs", "1"),
        variables={"RATE_LIMITS": "off", **variables},
    )
    try:
        yield Program(up.start().wait_until_ready())
    finally:
        up.clean_up()
