"""What this process announces: to its own listeners at once, to the other processes over the channel layer.

One task sends. What is announced while a message to a group is under way leaves as one message, so a busy room costs
one round trip to Redis at a time, however many events there are. The order of a group is kept.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from chat.hub import current_hub
from chat.live.delivery import Delivery
from chat.per_loop import PerLoop

log = logging.getLogger(__name__)
MESSAGE_MAX_EVENTS = 200
WAITING_MAX_EVENTS = 10_000
SEND_TIMEOUT_S = 5.0
_LAYER_DOWN = (OSError, RedisError, TimeoutError)


class Publisher:
    """The announcements of one event loop. Get it with `current_publisher()`.

    Events are hints: while the channel layer is away those for other processes are dropped, which find out by versions.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, list[Delivery]] = {}
        self._count = 0
        self._sending: asyncio.Task[None] | None = None
        self._is_down = False

    def announce(self, deliveries: Sequence[Delivery]) -> None:
        """Hand the events to this process's listeners and queue them for the others, in the order given."""
        hub = current_hub()
        for delivery in deliveries:
            hub.take(delivery.group, (delivery,))
            if self._count < WAITING_MAX_EVENTS:
                self._waiting.setdefault(delivery.group, []).append(delivery)
                self._count += 1
            else:
                self._note_down("too many events wait")
        if self._waiting and self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send_waiting(hub.origin))

    async def sent(self) -> None:
        """Return once everything that waits has left, or was dropped."""
        while self._sending is not None:
            await asyncio.wait([self._sending])

    async def has_room(self) -> None:
        """Return once a publisher of much may go on."""
        if self._count * 2 > WAITING_MAX_EVENTS:
            await self.sent()

    async def _send_waiting(self, origin: str) -> None:
        layer = get_channel_layer()
        try:
            while self._waiting:
                group = next(iter(self._waiting))
                events = self._take(group)
                message = {
                    "type": "events",
                    "group": group,
                    "origin": origin,
                    "events": [[event.name, event.version, event.json] for event in events],
                }
                try:
                    async with asyncio.timeout(SEND_TIMEOUT_S):
                        await layer.group_send(group, message)
                except _LAYER_DOWN as error:
                    self._note_down(error)
                else:
                    self._is_down = False
        finally:
            self._sending = None

    def _take(self, group: str) -> list[Delivery]:
        """The next events of the group; others of it queue up behind the other groups."""
        events = self._waiting.pop(group)
        if len(events) > MESSAGE_MAX_EVENTS:
            self._waiting[group] = events[MESSAGE_MAX_EVENTS:]
            del events[MESSAGE_MAX_EVENTS:]
        self._count -= len(events)
        return events

    def _note_down(self, problem: object) -> None:
        if not self._is_down:  # once per outage
            self._is_down = True
            log.warning("events could not be sent to the other processes: %s", problem)


current_publisher: Callable[[], Publisher] = PerLoop(Publisher)
