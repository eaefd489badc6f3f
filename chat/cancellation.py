"""Ending long-running tasks."""

import asyncio


def is_cancelled() -> bool:
    """Whether the running task was asked to end. redis-py 8.1 can swallow the CancelledError that says so."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
