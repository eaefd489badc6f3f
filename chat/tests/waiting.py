"""Waiting for what happens soon, in another task or process."""

import asyncio
from collections.abc import Callable


async def eventually(condition: Callable[[], object], timeout_s: float = 60.0) -> None:
    """Return as soon as the condition holds. Raises TimeoutError if it never does."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  (there is no event for it)
            await asyncio.sleep(0.01)
