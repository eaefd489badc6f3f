"""The one crossing from async code to the database: a bounded pool of threads, each call with a pooled connection."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections

P = ParamSpec("P")
R = TypeVar("R")

# More threads than cores, since they wait for PostgreSQL; fewer than the connections of the pool (settings.DATABASES).
_THREADS = ThreadPoolExecutor(max_workers=8, thread_name_prefix="db")


async def run_in_db(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `function` in a database thread and give its result; its connection goes back to the pool afterwards."""

    def call() -> R:
        close_old_connections()
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()  # CONN_MAX_AGE is 0, so this returns the connection

    return await sync_to_async(call, thread_sensitive=False, executor=_THREADS)()
