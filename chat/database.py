"""The one crossing from async code to the database: a bounded pool of threads, each call with a pooled connection."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import ParamSpec, TypeVar

from django.db import OperationalError, close_old_connections, connections, transaction
from psycopg.errors import QueryCanceled

from chat.database_calls import Call, current_calls

P = ParamSpec("P")
R = TypeVar("R")

# More threads than cores, since they wait for PostgreSQL; fewer than the connections of the pool (settings.DATABASES).
_THREADS = ThreadPoolExecutor(max_workers=8, thread_name_prefix="db")
_served = threading.local()
_SET_TIMEOUT = "select set_config('statement_timeout', %s, true)"


async def run_in_db(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `function` in a database thread and give its result; its connection goes back to the pool afterwards.

    Plain `run_in_executor`: what asgiref's `sync_to_async` adds (a way back to this loop, context variables that
    come back) is not needed here and cost more than a small query. A caller that is cancelled leaves the function to
    run to its end, unless `chat.database_calls` ends it.
    """
    loop = asyncio.get_running_loop()
    calls = current_calls.get()

    def call() -> R:
        _served.loop = loop
        close_old_connections()
        running = None if calls is None else Call(calls, connections["default"])
        try:
            return function(*args, **kwargs)
        finally:
            if running is not None:
                running.leave()
            close_old_connections()  # CONN_MAX_AGE is 0, so this returns the connection
            _served.loop = None

    return await loop.run_in_executor(_THREADS, copy_context().run, call)


def served_loop() -> asyncio.AbstractEventLoop | None:
    """In a function that `run_in_db` runs: the event loop that waits for it. None anywhere else."""
    return getattr(_served, "loop", None)


@contextmanager
def statements_within(seconds: float, otherwise: Exception) -> Iterator[None]:
    """In a transaction whose statements PostgreSQL ends after so long each; then `otherwise` is raised."""
    try:
        with transaction.atomic(), connections["default"].cursor() as cursor:
            cursor.execute("select current_setting('statement_timeout')")
            [before] = cursor.fetchone()
            cursor.execute(_SET_TIMEOUT, [f"{seconds * 1000:.0f}ms"])
            yield
            cursor.execute(_SET_TIMEOUT, [before])  # the transaction may be part of another one
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise otherwise from error
        raise
