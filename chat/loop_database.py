"""Statements that the event loop itself sends to PostgreSQL, without a thread in between.

A thread costs what is asked all the time more than the database does: to hand a question over, to wait for Python's
lock, to come back, and to take a connection from the pool. Here libpq is driven by the loop: a prepared statement is
written to the connection, and what comes is read when it is there. Each statement is a transaction of its own. All
else goes through `chat.database`.

Source: https://www.postgresql.org/docs/current/libpq-async.html
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

import psycopg
from django.db import connection as django_connection
from django.db import connections
from psycopg.adapt import Buffer, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.types.datetime import TimestamptzLoader

from chat.database import run_in_db
from chat.per_loop import PerLoop

CONNECTIONS_MAX = 3
_PARAMETER = re.compile(r"\$\d+")  # they stand in the order of their numbers, each once
_TOLD = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
Value = int | str | None


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL under the name by which a connection prepares it.

    Its parameters are arrays: `$1`, `$2`, ..., each once and in this order.
    """

    name: str
    sql: str


def fetch(statement: Statement, *arrays: Sequence[Value]) -> list[tuple[Any, ...]]:
    """The rows, in code that has no event loop: by a cursor of its thread.

    Raises:
        django.db.Error.
    """
    with django_connection.cursor() as cursor:
        cursor.execute(_PARAMETER.sub("%s", statement.sql), [list(array) for array in arrays])
        return cursor.fetchall()


class LoopDatabase:
    """The connections of one event loop, made as they are needed, kept until it ends. Get it with
    `current_loop_database()`."""

    def __init__(self) -> None:
        self._free: list[_Connection] = []
        self._turns = asyncio.Semaphore(CONNECTIONS_MAX)
        self._closer: asyncio.Task[None] | None = None
        # Django's own connection is another one in each task, so to ask it would make one for each statement.
        self._errors = connections.create_connection("default").wrap_database_errors

    async def fetch(self, statement: Statement, *arrays: Sequence[Value]) -> list[tuple[Any, ...]]:
        """The rows, as Django's cursors give them.

        Raises:
            django.db.Error: as a cursor would, and after most of them with a new connection the next time.
            ValueError: an array holds text that PostgreSQL cannot store.
        """
        parameters = [array_literal(array) for array in arrays]
        async with self._turns:
            with self._errors:
                connection = await self._take()
                try:
                    return await connection.fetch(statement, parameters)
                except psycopg.DataError:  # of the values; the connection is as good as before
                    raise
                except BaseException:  # cancelled, too: nobody would hear what is still to come
                    connection.close()
                    raise
                finally:
                    if connection.is_idle:
                        self._free.append(connection)

    async def _take(self) -> "_Connection":
        while self._free:
            connection = self._free.pop()
            if connection.is_idle:
                return connection
        if self._closer is None:
            self._closer = asyncio.get_running_loop().create_task(self._close_at_the_end())
        opening = _Opening()
        try:
            return _Connection(await run_in_db(opening.run))
        except BaseException:  # cancelled, too: the thread goes on, and nobody would close what it opens
            opening.give_up()
            raise

    async def _close_at_the_end(self) -> None:
        """This task is cancelled when the event loop ends. What is busy then is closed by its caller, who is, too."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            while self._free:
                self._free.pop().close()
            current_loop_database.forget(self)


class _Opening:
    """A connection that a thread opens for an event loop, which may not want it any more by then."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._is_wanted = True
        self._opened: psycopg.Connection[Any] | None = None

    def run(self) -> "psycopg.Connection[Any]":
        """Open it, in a thread that may wait."""
        opened = _connect()
        with self._lock:
            self._opened = opened
            if not self._is_wanted:
                opened.close()
        return opened

    def give_up(self) -> None:
        """Close it, now or when it is open."""
        with self._lock:
            self._is_wanted = False
            if self._opened is not None:
                self._opened.close()


def _connect() -> "psycopg.Connection[Any]":
    """A connection as Django makes them, but its own: not of the pool."""
    wrapper = connections["default"]
    connection = psycopg.connect(**wrapper.get_connection_params(), autocommit=True)
    wrapper._configure_connection(connection)  # type: ignore[attr-defined]  # time zone and role, as for the pool
    connection.adapters.register_loader("timestamptz", _TimeLoader)
    return connection


class _TimeLoader(TimestamptzLoader):
    """Python's own reader of ISO 8601, which takes a tenth of the time of psycopg's. The connection's zone is UTC."""

    def load(self, data: Buffer) -> datetime:
        try:
            return datetime.fromisoformat(bytes(data).decode())
        except ValueError:  # such as infinity, which psycopg names in its error
            return super().load(data)


class _Connection:
    """One connection; one statement at a time."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection
        self._pg = connection.pgconn
        self._pg.nonblocking = 1
        self._transformer = Transformer(connection)  # kept, for it keeps what reads each type
        self._loop = asyncio.get_running_loop()
        self._prepared: set[str] = set()
        self._answer: asyncio.Future[list[Any]] | None = None
        self._results: list[Any] = []
        self._is_closed = False
        self._socket = self._pg.socket
        self._loop.add_reader(self._socket, self._read)

    @property
    def is_idle(self) -> bool:
        """Whether it can take a statement."""
        return self._answer is None and not self._is_closed

    async def fetch(self, statement: Statement, parameters: Sequence[bytes]) -> list[tuple[Any, ...]]:
        name = statement.name.encode()
        if statement.name not in self._prepared:
            self._pg.send_prepare(name, statement.sql.encode())
            await self._result()
            self._prepared.add(statement.name)
        self._pg.send_query_prepared(name, parameters)
        result = await self._result()
        self._transformer.set_pgresult(result)
        try:
            return self._transformer.load_rows(0, result.ntuples, tuple)
        finally:
            self._transformer.set_pgresult(None)  # its memory

    async def _result(self) -> Any:
        """What the statement that was sent gave.

        Raises:
            psycopg.Error: it failed.
        """
        answer = self._answer = self._loop.create_future()
        self._flush()
        try:
            results = await answer
        finally:
            if answer.done() and not answer.cancelled():
                self._answer = None  # else the connection is in the middle of something
        result = results[-1]
        if result.status not in _TOLD:
            raise error_from_result(result, encoding="utf-8")
        return result

    def _flush(self) -> None:
        """Write what libpq holds; the socket may not take all at once."""
        try:
            if self._pg.flush():
                self._loop.add_writer(self._socket, self._flush_rest)
        except psycopg.Error as error:
            self._fail(error)

    def _flush_rest(self) -> None:
        self._loop.remove_writer(self._socket)
        self._flush()

    def _read(self) -> None:
        try:
            self._pg.consume_input()
            while not self._pg.is_busy():
                result = self._pg.get_result()
                if result is None:
                    break
                self._results.append(result)
            else:
                return
        except psycopg.Error as error:
            return self._fail(error)
        results, self._results = self._results, []
        if results and self._answer is not None and not self._answer.done():
            self._answer.set_result(results)
        if self._pg.status == ConnStatus.BAD:
            self.close()

    def _fail(self, error: psycopg.Error) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self.close()

    def close(self) -> None:
        """Give the connection up; no matter if it was before."""
        if not self._is_closed:
            self._is_closed = True
            self._loop.remove_reader(self._socket)  # before another connection gets the same number
            self._loop.remove_writer(self._socket)
            self._connection.close()


def array_literal(values: Sequence[Value]) -> bytes:
    """A PostgreSQL array as text.

    Source: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO

    Raises:
        ValueError: half of a surrogate pair, or a NUL, which PostgreSQL cannot store.
    """
    literal = "{" + ",".join([_element(value) for value in values]) + "}"
    if "\0" in literal:
        raise ValueError("PostgreSQL text cannot contain NUL")
    return literal.encode()


def _element(value: Value) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'


current_loop_database = PerLoop(LoopDatabase)
