"""The database threads of `chat.database` in tests: only for tests that commit, and idle when such a test has ended.

A database thread has a connection of its own. In a test that is rolled back it does not see what the test wrote; in
a test without a database it is let through or refused, depending on what an earlier test left in that thread. Both
would go unnoticed until the order of the tests changes.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest

END_TIMEOUT_S = 60.0
MISSING_MARK = (
    "run_in_db, and what uses it, has connections of its own:"
    " mark this test with pytest.mark.django_db(transaction=True)"
)


class MissingMark(Exception):
    """A test has used the database threads without the mark of tests that commit."""


class GuardedThreads(ThreadPoolExecutor):
    """The pool of database threads. It takes calls only while a test runs that commits."""

    def __init__(self) -> None:
        super().__init__(max_workers=8, thread_name_prefix="db")
        self.is_open = False
        self.refused: list[str] = []
        self._submitted: set[Future[Any]] = set()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """As in the base class.

        Raises:
            MissingMark: the test must not use these threads. It fails at its end, too: the program may take the
                error for one of its own.
        """
        if not self.is_open:
            self.refused.append(MISSING_MARK)
            raise MissingMark(MISSING_MARK)
        future = super().submit(fn, *args, **kwargs)
        self._submitted.add(future)
        future.add_done_callback(self._submitted.discard)
        return future

    def wait_until_idle(self) -> None:
        """Wait for the calls whose callers were cancelled: a thread goes on, and keeps its connection until its end.

        Raises:
            TimeoutError: one of them has not ended in a minute.
        """
        _, running = wait(list(self._submitted), END_TIMEOUT_S)
        if running:
            raise TimeoutError(f"{len(running)} calls in database threads outlive the test by a minute")


def commits(request: pytest.FixtureRequest) -> bool:
    """Whether the test's database is emptied after it, not rolled back."""
    mark = request.node.get_closest_marker("django_db")
    if mark is not None and (mark.kwargs.get("transaction") or mark.args[:1] == (True,)):
        return True
    return not {"transactional_db", "live_server"}.isdisjoint(request.fixturenames)


def guarded(threads: GuardedThreads, request: pytest.FixtureRequest) -> Iterator[None]:
    """The body of a fixture: the threads are open during a test that commits. Fails a test that was refused them."""
    threads.is_open = commits(request)
    threads.refused.clear()
    yield
    threads.is_open = False
    if threads.refused:
        pytest.fail(threads.refused[0], pytrace=False)
