"""What this process announces: to its own listeners at once, to the other processes over the channel layer.

One task sends. What is announced while a message is under way leaves as one message, so there is one round trip to
Redis at a time, however many events there are: events of one group to those processes that listen to it, events of
several groups to all processes, which pick out theirs. The order of a group is kept: Redis takes the messages of a
process, and each process gets them, one after the other.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from channels.layers import get_channel_layer

from chat.live.delivery import Delivery
from chat.live.groups import EVERY_PROCESS
from chat.live.hub import current_hub
from chat.live.layer_watch import LAYER_DOWN
from chat.per_loop import PerLoop

log = logging.getLogger(__name__)
MESSAGE_MAX_EVENTS = 200
WAITING_MAX_EVENTS = 10_000
SEND_TIMEOUT_S = 5.0
REST_S = 0.002  # between two messages while there is much to tell: what comes meanwhile leaves together
WireEvent = tuple[str, int | None, bytes]  # what `Delivery.received` takes after the group


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
                groups = self._take()
                address = next(iter(groups)) if len(groups) == 1 else EVERY_PROCESS
                try:
                    async with asyncio.timeout(SEND_TIMEOUT_S):
                        await layer.group_send(
                            address, {"type": "events", "origin": origin, "groups": groups}
                        )
                except LAYER_DOWN as error:
                    self._note_down(error)
                else:
                    self._is_down = False
                if 0 < self._count < MESSAGE_MAX_EVENTS:
                    await asyncio.sleep(REST_S)
        finally:
            self._sending = None

    def _take(self) -> dict[str, list[WireEvent]]:
        """The next events, by group; what a group has beyond one message queues up behind the other groups."""
        taken: dict[str, list[WireEvent]] = {}
        room = MESSAGE_MAX_EVENTS
        while self._waiting and room > 0:
            group = next(iter(self._waiting))
            events = self._waiting.pop(group)
            if len(events) > room:
                self._waiting[group] = events[room:]
                del events[room:]
            taken[group] = [(event.name, event.version, event.json) for event in events]
            room -= len(events)
        self._count -= MESSAGE_MAX_EVENTS - room
        return taken

    def _note_down(self, problem: object) -> None:
        if not self._is_down:  # once per outage
            self._is_down = True
            log.warning("events could not be sent to the other processes: %s", problem)


current_publisher: Callable[[], Publisher] = PerLoop(Publisher)
