"""Ending what runs in database threads: a thread waits for its statement, whoever gave up waiting for the thread."""

import asyncio
import logging
from contextvars import ContextVar
from threading import Lock
from typing import Any, Self

import psycopg

from chat.background import Tasks

log = logging.getLogger(__name__)
CANCEL_TIMEOUT_S = 2.0
CANCEL_EVERY_S = 0.1
CANCEL_ATTEMPTS = 50  # a function may be between two statements each time; five seconds of that are enough
_ENDINGS = Tasks()


class Calls:
    """The calls of `run_in_db` that belong to one piece of work and have not ended.

    These are the ones that begin inside of its `with` block, and in the tasks that begin there.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: set[Call] = set()

    def __enter__(self) -> Self:
        self._token = current_calls.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        current_calls.reset(self._token)

    def add(self, call: "Call") -> None:
        with self._lock:
            self._running.add(call)

    def remove(self, call: "Call") -> None:
        with self._lock:
            self._running.discard(call)

    def running(self) -> list["Call"]:
        with self._lock:
            return list(self._running)

    def end_soon(self) -> None:
        """Cancel their statements, until none of the calls runs. Returns at once; to be called on the event loop."""
        _ENDINGS.begin(self._end(), "the end of database calls")

    async def _end(self) -> None:
        for _ in range(CANCEL_ATTEMPTS):
            running = self.running()
            if not running:
                return
            await asyncio.to_thread(_cancel, running)
            await asyncio.sleep(CANCEL_EVERY_S)
        log.warning("%d database calls could not be ended", len(self.running()))


class Call:
    """One function in a database thread, and its thread's connection (Django's)."""

    __slots__ = ("_calls", "_connection", "_lock")

    def __init__(self, calls: Calls, connection: Any) -> None:
        self._calls = calls
        self._lock = Lock()
        self._connection = connection
        calls.add(self)

    def leave(self) -> None:
        """The function has ended. Waits for a cancellation under way: it must not hit who gets the connection next."""
        with self._lock:
            self._connection = None
        self._calls.remove(self)

    def cancel(self) -> None:
        """Cancel the statement it waits for, if it waits for one."""
        with self._lock:
            connection = self._connection.connection if self._connection is not None else None
            if connection is not None:
                connection.cancel_safe(timeout=CANCEL_TIMEOUT_S)


def _cancel(calls: list[Call]) -> None:
    for call in calls:
        try:
            call.cancel()
        except psycopg.Error as error:  # the server is away or busy: the next attempt may reach it
            log.info("a statement could not be cancelled: %s", error)


current_calls: ContextVar[Calls | None] = ContextVar("current_calls", default=None)
