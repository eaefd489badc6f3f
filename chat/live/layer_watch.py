"""Whether the channel layer still brings this process everything, and what is to be done when it did not.

Pub/sub forgets what it cannot deliver, and does not say so. A loss is noticed by a connection that was made anew, by a
probe that does not come back, and by a message that cannot be read or used. It is made up for by the next probe that
comes back: by then there is a connection again that events arrive on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from redis.exceptions import RedisError

from chat.cancellation import is_cancelled

log = logging.getLogger(__name__)
PROBE_INTERVAL_S = 1.0
LAYER_TIMEOUT_S = 5.0
LAYER_DOWN = (OSError, RedisError, TimeoutError)  # what the layer raises when Redis is away


class LayerWatch:
    """The channel of one hub, and whether events for it may have been lost."""

    def __init__(
        self, layer: Any, channel: str, *, rejoin: Callable[[], Awaitable[None]], catch_up: Callable[[], None]
    ) -> None:
        """After a loss `rejoin` subscribes to everything again, and `catch_up` has the listeners read the database."""
        self.channel = channel
        self._layer = layer
        self._rejoin = rejoin
        self._catch_up = catch_up
        self._sent = self._returned = 0
        self._events_lost = False
        self._watched: set[int] = set()

    def note_loss(self) -> None:
        """Say that events may have been lost."""
        self._events_lost = True

    async def receive(self) -> dict[str, Any] | None:
        """The next message of the channel. None after trouble with it, which counts as a loss, and a pause."""
        try:
            message: dict[str, Any] = await self._layer.receive(self.channel)
        except LAYER_DOWN:  # the Redis pub/sub layer reconnects by itself; others raise here
            pass
        except Exception:  # bytes that are no message
            log.exception("a message of the channel layer could not be read")
        else:
            return message
        self.note_loss()
        await asyncio.sleep(PROBE_INTERVAL_S)
        return None

    async def probe(self) -> None:
        """Send a message to this process's own channel again and again: one that does not come back means loss."""
        while not is_cancelled():
            await asyncio.sleep(PROBE_INTERVAL_S)
            if self._returned < self._sent:
                self.note_loss()
            try:
                async with asyncio.timeout(LAYER_TIMEOUT_S):
                    await self._layer.send(self.channel, {"type": "probe", "n": self._sent + 1})
                self._sent += 1
            except LAYER_DOWN as error:
                if not self._events_lost:
                    log.warning("the channel layer cannot be reached: %s", error)
                self.note_loss()
            except Exception:  # a loss would not be noticed again if this loop ended
                log.exception("the channel layer could not be probed; the next probe tries again")
                self.note_loss()

    async def probe_returned(self, number: int) -> None:
        """A probe came back: the layer works, and what was lost until now can be made up for."""
        self._returned = number
        if not self._events_lost:
            return
        try:
            async with asyncio.timeout(LAYER_TIMEOUT_S):
                await self._rejoin()
        except LAYER_DOWN:
            return  # the next probe tries again
        self._events_lost = False
        self._catch_up()

    def watch_connections(self) -> None:
        """Be told of each reconnect of the Redis layer: one that is over before the next probe may have cost events."""
        loop_layer = getattr(self._layer, "_get_layer", lambda: None)()
        for shard in getattr(loop_layer, "_shards", ()):
            connection = getattr(getattr(shard, "_pubsub", None), "connection", None)
            if connection is not None and id(connection) not in self._watched:
                self._watched.add(id(connection))
                connection.register_connect_callback(self._reconnected)

    async def _reconnected(self, connection: object) -> None:
        self.note_loss()
