"""Work that nobody waits for: kept alive, named, and heard of when it fails."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)


class Tasks:
    """The tasks of one owner. The event loop itself does not keep its tasks alive.

    What a task raises is logged when it ends: nobody awaits it, and asyncio would tell of it only when the task is
    collected, without saying whose it was.
    """

    __slots__ = ("_running",)

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run this beside everything else, in the running event loop. `name` says in the log what it was."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def cancel(self) -> None:
        """End all of them, and return when they have ended. Not for an owner whose tasks belong to several loops."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def __len__(self) -> int:
        """How many have not ended."""
        return len(self._running)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the background task %r failed", task.get_name(), exc_info=error)
