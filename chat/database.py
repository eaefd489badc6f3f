"""The one crossing from async code to the database: a bounded pool of threads, each call with a pooled connection."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

from django.db import close_old_connections, connections

from chat.database_calls import Call, current_calls

P = ParamSpec("P")
R = TypeVar("R")

# More threads than cores, since they wait for PostgreSQL; fewer than the connections of the pool (settings.DATABASES).
_THREADS = ThreadPoolExecutor(max_workers=8, thread_name_prefix="db")
_served = threading.local()


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
