"""Events of the hub as an async iterator: `chat.live.hub.subscribe`."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from chat.live.delivery import RESYNC, Delivery


class Subscription:
    """Events as an async iterator. A reader that falls behind loses what waits and gets one `RESYNC` in its place.

    Attributes:
        is_muted: somebody else tells the reader of the group's events; they are dropped here.
    """

    def __init__(self, limit: int, limit_bytes: int) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._waiting: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._error: Exception | None = None
        self.is_muted = False

    def __call__(self, delivery: Delivery) -> None:
        if self.is_muted:
            return
        size = len(delivery.json)
        if len(self._waiting) >= self._limit or (self._waiting and self._bytes + size > self._limit_bytes):
            self._waiting.clear()
            self._bytes = 0
            delivery = Delivery(delivery.group, RESYNC, {})
        self._bytes += len(delivery.json)
        self._waiting.append(delivery)
        self._arrived.set()

    def fail(self, error: Exception) -> None:
        """Make the reader get this error from now on, and none of what waits."""
        self._error = error
        self._arrived.set()

    @property
    def is_level(self) -> bool:
        """Whether nothing waits for the reader, not even an error."""
        return not self._waiting and self._error is None

    async def arrival(self) -> None:
        """Return once something waits for the reader."""
        while self.is_level:
            self._arrived.clear()
            await self._arrived.wait()

    def __aiter__(self) -> AsyncIterator[Delivery]:
        return self

    async def __anext__(self) -> Delivery:
        await self.arrival()
        if self._error is not None:
            raise self._error
        delivery = self._waiting.popleft()
        self._bytes -= len(delivery.json)
        return delivery
