"""Waiting for what happens soon, in another task or process."""

import asyncio
from collections.abc import Callable


async def eventually(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    """Return as soon as the condition holds. Raises TimeoutError if it never does."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)  # noqa: ASYNC110  (whatever is awaited has no event to wait for)
