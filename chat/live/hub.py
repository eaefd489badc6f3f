"""One channel-layer subscription per process; what arrives is handed to local listeners in the order of versions.

A listener is called on the event loop with a `Delivery` and must not block. Sockets and GraphQL subscriptions both
listen here, so each event is received and encoded once per process, however many clients want it. What this process
announces itself is handed on at once (`chat.live.publisher`); the copy that comes back is dropped.

The channel layer may lose events. That is noticed in three ways: the layer stumbled (`chat.live.layer_watch`), the
versions of a room have a hole that does not fill, or the database is ahead of what was handed on
(`chat.live.safety_net`). The hub then delivers `RESYNC`: whoever needs to be complete reads the database from the last
version that was seen.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from channels.layers import get_channel_layer

from chat.cancellation import is_cancelled
from chat.counters import counters
from chat.errors import Unavailable
from chat.live.delivery import RESYNC, Delivery, Listener
from chat.live.fan_out import FanOut, Reader, Seat
from chat.live.flusher import Flusher
from chat.live.groups import EVERY_PROCESS, room_of_group
from chat.live.layer_watch import LAYER_DOWN, LAYER_TIMEOUT_S, LayerWatch
from chat.live.ordered_stream import OrderedStream
from chat.live.safety_net import watch_versions
from chat.live.subscription import Subscription
from chat.per_loop import PerLoop

log = logging.getLogger(__name__)
HOLE_PATIENCE_S = 1.0  # several processes publish in one room: a neighbour may overtake by this much
PARKED_MAX_EVENTS = 5000
BURST_MESSAGES = 50


class _Group:
    """Listeners are called with each event, seats are written to. `check` runs while something is missing."""

    __slots__ = ("check", "fan_out", "listeners", "name", "stream")

    def __init__(self, name: str) -> None:
        self.name = name
        self.listeners: dict[Listener, None] = {}
        self.stream = OrderedStream()
        self.fan_out = FanOut(room_of_group(name) or 0)
        self.check: asyncio.TimerHandle | None = None


class Hub:
    """The listeners of one event loop and their one channel. Get it with `current_hub()`."""

    def __init__(self) -> None:
        self.origin = secrets.token_hex(8)  # of what this process announces
        self._layer = get_channel_layer()
        self._loop = asyncio.get_running_loop()
        self._lock = asyncio.Lock()
        self._watch: LayerWatch | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._groups: dict[str, _Group] = {}
        self._flusher = Flusher(self._loop)
        self._subscribed: set[str] = set()

    # ---------------------------------------------------------------------------------------- listeners

    async def listen(self, group: str, listener: Listener) -> None:
        """Hand every event of the group to the listener. On return the subscription is in force.

        Raises:
            Unavailable: the channel layer cannot be reached; the listener is not added.
        """
        self._groups.setdefault(group, _Group(group)).listeners[listener] = None
        if group in self._subscribed:
            return
        try:
            await asyncio.shield(self._reconcile(group))
        except LAYER_DOWN as error:
            self._remove(group, listener)
            raise Unavailable("Live updates are not available at the moment. Try again shortly.") from error
        except asyncio.CancelledError:
            self._remove(group, listener)
            raise

    async def stop_listening(self, group: str, listener: Listener) -> None:
        """Undo `listen`; no error if it was not in force."""
        if not self._remove(group, listener):
            return
        try:
            await asyncio.shield(self._reconcile(group))
        except LAYER_DOWN:
            log.warning("could not leave %s on the channel layer", group)

    def groups(self) -> list[str]:
        """The groups that somebody listens to."""
        return list(self._groups)

    def note_floor(self, group: str, version: int) -> None:
        """Say that a listener has all versions up to this one, so that events which do not arrive are missed.

        It expects the next version to follow; and those who listened before it have the same right to this one.
        """
        entry = self._groups.get(group)
        if entry is not None:
            entry.stream.expect(version)
            self._check_later(entry)

    def take_seat(
        self, group: str, listener: Listener, reader: Reader, version: int, on_resync: Callable[[int], None]
    ) -> Seat | None:
        """Write the group's events to the reader, who has those up to `version`, instead of calling the listener.

        None if the events that were handed on end elsewhere. When some may have been lost, `on_resync` is called with
        the version that was written, and the listener with what comes then.
        """
        entry = self._groups[group]
        if entry.stream.position != version:
            return None

        def lose_seat(reached: int) -> None:
            entry.listeners[listener] = None
            on_resync(reached)

        del entry.listeners[listener]
        return entry.fan_out.join(reader, version, lose_seat)

    def handed_on(self, group: str) -> int | None:
        """The version up to which the group's events were handed on, None if nothing is known."""
        entry = self._groups.get(group)
        return None if entry is None else entry.stream.position

    def written_to(self, group: str, seat: Seat) -> int:
        """The version up to which everything was written to the seat."""
        return self._groups[group].fan_out.position(seat)

    def leave_seat(self, group: str, listener: Listener, seat: Seat) -> None:
        """Write nothing more to the seat; the listener is called again."""
        entry = self._groups[group]
        entry.fan_out.leave(seat)
        entry.listeners[listener] = None

    def note_stored(self, versions: Mapping[str, int]) -> None:
        """Say at which versions the database is, by group: what was handed on has to get there."""
        for group, version in versions.items():
            entry = self._groups.get(group)
            if entry is None:
                continue
            if entry.stream.position is None:  # nobody said what the listeners know
                entry.stream.expect(version)
                self._resync(entry, ())
            else:
                entry.stream.expect(version)
                self._check_later(entry)

    def _remove(self, group: str, listener: Listener) -> bool:
        entry = self._groups.get(group)
        if entry is None:
            return False
        entry.listeners.pop(listener, None)
        if entry.listeners or entry.fan_out:
            return False
        if entry.check is not None:
            entry.check.cancel()
        del self._groups[group]
        return True

    async def _reconcile(self, group: str) -> None:
        """Bring the layer's subscription in line with whether somebody listens. The lock makes a second joiner wait.

        Listeners may come and go while the layer is asked, hence the loop.
        """
        async with self._lock, asyncio.timeout(LAYER_TIMEOUT_S):
            while (group in self._groups) != (group in self._subscribed):
                watch = await self._start()
                if group in self._subscribed:
                    self._subscribed.discard(group)
                    await self._layer.group_discard(group, watch.channel)
                else:
                    await self._layer.group_add(group, watch.channel)
                    self._subscribed.add(group)
                    watch.watch_connections()

    # ----------------------------------------------------------------------------------------- delivery

    async def _start(self) -> LayerWatch:
        if self._watch is None:
            channel = await self._layer.new_channel()
            await self._layer.group_add(EVERY_PROCESS, channel)
            watch = self._watch = LayerWatch(
                self._layer, channel, rejoin=self._rejoin, catch_up=self._catch_up
            )
            tasks = (self._receive(watch), watch.probe(), watch_versions(self))
            self._tasks = [self._loop.create_task(task) for task in tasks]
        return self._watch

    async def _receive(self, watch: LayerWatch) -> None:
        received = 0
        try:
            while not is_cancelled():
                received += 1
                if received % BURST_MESSAGES == 0:
                    # A backlog is received without a pause: let the sockets write meanwhile.
                    await asyncio.sleep(0)
                message = await watch.receive()
                if message is not None:
                    await self._use(message, watch)
        finally:
            current_hub.forget(self)

    async def _use(self, message: dict[str, Any], watch: LayerWatch) -> None:
        try:
            if message["type"] == "events":
                if message["origin"] != self.origin:
                    for group, events in message["groups"].items():
                        if group in self._groups:
                            self.take(group, [Delivery.received(group, *event) for event in events])
            elif message["type"] == "probe":
                await watch.probe_returned(message["n"])
        except Exception:  # nobody here would hear of anything again if the task that receives ended
            log.exception("a message of the channel layer could not be used")
            watch.note_loss()

    async def _rejoin(self) -> None:
        watch = await self._start()
        for group in (EVERY_PROCESS, *self._groups):
            await self._layer.group_add(group, watch.channel)

    def _catch_up(self) -> None:
        log.warning("the channel layer is back; %d groups catch up from the database", len(self._groups))
        for entry in list(self._groups.values()):
            self._resync(entry, entry.stream.start_anew())

    def take(self, group: str, deliveries: Iterable[Delivery]) -> None:
        """Hand events of the group to its listeners, as soon as those before them were handed on."""
        entry = self._groups.get(group)
        if entry is None:
            return
        for delivery in deliveries:
            for ready in entry.stream.take(delivery):
                self._hand_on(entry, ready)
        if entry.stream.parked > PARKED_MAX_EVENTS:
            self._resync(entry, entry.stream.give_up())
        self._check_later(entry)

    def _hand_on(self, entry: _Group, delivery: Delivery) -> None:
        if entry.fan_out:
            counters.events_delivered += len(entry.fan_out)
            entry.fan_out.add(delivery)
            self._flusher.schedule(entry.fan_out)
        self._call_listeners(list(entry.listeners), delivery)

    def _call_listeners(self, listeners: list[Listener], delivery: Delivery) -> None:
        counters.events_delivered += len(listeners)
        for listener in listeners:
            try:
                listener(delivery)
            except Exception:  # a listener's bug must not cost the others their events
                log.exception("a listener failed on %r", delivery)

    def _check_later(self, entry: _Group) -> None:
        """What is known to exist arrives soon, or was lost."""
        if entry.check is None and entry.stream.has_hole:
            position = entry.stream.position
            entry.check = self._loop.call_later(HOLE_PATIENCE_S, self._check_hole, entry, position)

    def _check_hole(self, entry: _Group, position: int | None) -> None:
        entry.check = None
        if entry.stream.position == position and entry.stream.has_hole:
            log.info("what follows version %s of %s did not arrive", position, entry.name)
            self._resync(entry, entry.stream.give_up())
        else:
            self._check_later(entry)

    def _resync(self, entry: _Group, left: Iterable[Delivery]) -> None:
        listeners = list(entry.listeners)  # without those that become some by the loss of their seats
        entry.fan_out.resync()
        self._call_listeners(listeners, Delivery(entry.name, RESYNC, {}))
        for delivery in left:
            self._hand_on(entry, delivery)


current_hub = PerLoop(Hub)


@asynccontextmanager
async def subscribe(
    *groups: str, limit: int = 1000, limit_bytes: int = 1_000_000
) -> AsyncIterator[Subscription]:
    """`async with subscribe(group) as events: async for delivery in events`. In force once the block is entered.

    At most `limit` events, or `limit_bytes`, wait for the reader; past that it gets `RESYNC` instead of them.

    Raises:
        Unavailable: the channel layer cannot be reached.
    """
    hub, events = current_hub(), Subscription(limit, limit_bytes)
    try:
        for group in groups:
            await hub.listen(group, events)
        yield events
    finally:
        for group in groups:
            await hub.stop_listening(group, events)
