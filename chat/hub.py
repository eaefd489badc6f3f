"""One channel-layer subscription per process; what arrives is handed to local listeners.

A listener is called on the event loop with a `Delivery` and must not block. Sockets and GraphQL subscriptions both
listen here, so each event is received and encoded once per process, however many clients want it.

The channel layer may lose events. The hub notices in four ways: the Redis connection was made anew, its own probe
did not come back, a message could not be used, or the versions of a room have a hole that does not fill. It then
delivers `RESYNC`: whoever needs to be complete reads the database from the last version that was seen.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from chat.cancellation import is_cancelled
from chat.counters import counters
from chat.errors import Unavailable
from chat.per_loop import PerLoop
from chat.versions import VersionTrack

log = logging.getLogger(__name__)
RESYNC = "resync"
PROBE_INTERVAL_S = 1.0
HOLE_PATIENCE_S = 1.0  # several processes publish in one room: a neighbour may overtake by this much
LAYER_TIMEOUT_S = 5.0
BURST_EVENTS = 50
_LAYER_DOWN = (OSError, RedisError, TimeoutError)
T = TypeVar("T")


class Delivery:
    """An event as it came from the channel layer. `name` is `RESYNC` where events may have been lost."""

    __slots__ = ("_encodings", "data", "group", "name")

    def __init__(self, group: str, name: str, data: dict[str, Any]) -> None:
        self.group = group
        self.name = name
        self.data = data
        self._encodings: dict[Hashable, Any] = {}

    def encoded(self, encode: "Callable[[Delivery], T]") -> T:
        """What `encode` makes of this event; made once, whoever asks."""
        try:
            encoding: T = self._encodings[encode]
        except KeyError:
            encoding = self._encodings[encode] = encode(self)
        return encoding

    def __repr__(self) -> str:
        return f"<Delivery {self.name} in {self.group}>"


Listener = Callable[[Delivery], None]


class _Group:
    """`track` holds the versions that arrived, `highest` the highest one that is known to exist."""

    __slots__ = ("check", "highest", "listeners", "track")

    def __init__(self) -> None:
        self.listeners: dict[Listener, None] = {}
        self.track: VersionTrack | None = None
        self.highest = 0
        self.check: asyncio.TimerHandle | None = None


class Hub:
    """The listeners of one event loop and their one channel. Get it with `current_hub()`."""

    def __init__(self) -> None:
        self._layer = get_channel_layer()
        self._loop = asyncio.get_running_loop()
        self._lock = asyncio.Lock()
        self._channel: str | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._groups: dict[str, _Group] = {}
        self._subscribed: set[str] = set()
        self._probe_sent = self._probe_seen = 0
        self._events_lost = False
        self._watched: set[int] = set()

    # ---------------------------------------------------------------------------------------- listeners

    async def listen(self, group: str, listener: Listener) -> None:
        """Hand every event of the group to the listener. On return the subscription is in force.

        Raises:
            Unavailable: the channel layer cannot be reached; the listener is not added.
        """
        self._groups.setdefault(group, _Group()).listeners[listener] = None
        if group in self._subscribed:
            return
        try:
            await asyncio.shield(self._reconcile(group))
        except _LAYER_DOWN as error:
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
        except _LAYER_DOWN:
            log.warning("could not leave %s on the channel layer", group)

    @property
    def group_count(self) -> int:
        """How many groups somebody listens to."""
        return len(self._groups)

    def note_floor(self, group: str, version: int) -> None:
        """Say that a listener has all versions up to this one, so that events which do not arrive are missed.

        It expects the next version to follow; and those who listened before it have the same right to this one.
        """
        entry = self._groups.get(group)
        if entry is None:
            return
        if entry.track is None:
            entry.track = VersionTrack(version)
        self._expect(group, entry, entry.track, version)

    def _remove(self, group: str, listener: Listener) -> bool:
        entry = self._groups.get(group)
        if entry is None:
            return False
        entry.listeners.pop(listener, None)
        if entry.listeners:
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
                if group in self._subscribed:
                    self._subscribed.discard(group)
                    await self._layer.group_discard(group, self._channel)
                else:
                    await self._start()
                    await self._layer.group_add(group, self._channel)
                    self._subscribed.add(group)
                    self._watch_connections()

    # ----------------------------------------------------------------------------------------- delivery

    async def _start(self) -> None:
        if self._channel is None:
            self._channel = await self._layer.new_channel()
            self._tasks = [self._loop.create_task(self._receive()), self._loop.create_task(self._probe())]

    async def _receive(self) -> None:
        received = 0
        try:
            while not is_cancelled():
                received += 1
                if received % BURST_EVENTS == 0:
                    # A backlog is received without a pause: let the sockets write meanwhile.
                    await asyncio.sleep(0)
                try:
                    message = await self._layer.receive(self._channel)
                except _LAYER_DOWN:  # the Redis pub/sub layer reconnects by itself; others raise here
                    self._events_lost = True
                    await asyncio.sleep(PROBE_INTERVAL_S)
                except Exception:  # bytes that are no message
                    log.exception("a message of the channel layer could not be read")
                    self._events_lost = True
                    await asyncio.sleep(PROBE_INTERVAL_S)
                else:
                    await self._take(message)
        finally:
            current_hub.forget(self)

    async def _take(self, message: dict[str, Any]) -> None:
        try:
            if message["type"] == "event":
                self._dispatch(Delivery(message["group"], message["name"], message["data"]))
            elif message["type"] == "probe":
                await self._probe_returned(message["n"])
        except Exception:  # nobody here would hear of anything again if the task that receives ended
            log.exception("a message of the channel layer could not be used")
            self._events_lost = True

    def _dispatch(self, delivery: Delivery) -> None:
        entry = self._groups.get(delivery.group)
        if entry is None:
            return
        version = delivery.data.get("version")
        if isinstance(version, int):
            self._note_version(delivery.group, entry, version)
        counters.events_delivered += len(entry.listeners)
        for listener in list(entry.listeners):
            try:
                listener(delivery)
            except Exception:  # a listener's bug must not cost the others their events
                log.exception("a listener failed on %r", delivery)

    def _note_version(self, group: str, entry: _Group, version: int) -> None:
        if entry.track is None:
            entry.track = VersionTrack(version - 1)
        entry.track.add(version)
        self._expect(group, entry, entry.track, version)

    def _expect(self, group: str, entry: _Group, track: VersionTrack, version: int) -> None:
        """The version exists, so it and those before it arrive soon, or were lost."""
        entry.highest = max(entry.highest, version)
        if track.floor < entry.highest and entry.check is None:
            entry.check = self._loop.call_later(HOLE_PATIENCE_S, self._check_hole, group, track.floor)

    def _check_hole(self, group: str, floor: int) -> None:
        entry = self._groups.get(group)
        if entry is None or entry.track is None:
            return
        entry.check = None
        if entry.track.floor == floor:
            log.info("version %d of %s did not arrive", floor + 1, group)
            entry.track.reach(entry.highest)
            self._dispatch(Delivery(group, RESYNC, {}))
        else:
            self._expect(group, entry, entry.track, entry.highest)

    # --------------------------------------------------------------------- when the layer loses its footing

    async def _probe(self) -> None:
        """Send a message to this process's own channel again and again: one that does not come back means loss."""
        while not is_cancelled():
            await asyncio.sleep(PROBE_INTERVAL_S)
            if self._probe_seen < self._probe_sent:
                self._events_lost = True
            try:
                async with asyncio.timeout(LAYER_TIMEOUT_S):
                    await self._layer.send(self._channel, {"type": "probe", "n": self._probe_sent + 1})
                self._probe_sent += 1
            except _LAYER_DOWN as error:
                if not self._events_lost:
                    log.warning("the channel layer cannot be reached: %s", error)
                self._events_lost = True

    async def _probe_returned(self, number: int) -> None:
        self._probe_seen = number
        if not self._events_lost:
            return
        try:
            async with asyncio.timeout(LAYER_TIMEOUT_S):
                for group in list(self._groups):
                    await self._layer.group_add(group, self._channel)
        except _LAYER_DOWN:
            return  # the next probe tries again
        self._events_lost = False
        log.warning("the channel layer is back; %d groups catch up from the database", len(self._groups))
        for group in list(self._groups):
            self._dispatch(Delivery(group, RESYNC, {}))

    def _watch_connections(self) -> None:
        """Be told of each reconnect of the Redis layer: one that is over before the next probe may have cost events."""
        loop_layer = getattr(self._layer, "_get_layer", lambda: None)()
        for shard in getattr(loop_layer, "_shards", ()):
            connection = getattr(getattr(shard, "_pubsub", None), "connection", None)
            if connection is not None and id(connection) not in self._watched:
                self._watched.add(id(connection))
                connection.register_connect_callback(self._reconnected)

    async def _reconnected(self, connection: object) -> None:
        self._events_lost = True


current_hub = PerLoop(Hub)


class Subscription:
    """Events as an async iterator. A reader that falls behind loses what waits and gets one `RESYNC` in its place."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[Delivery] = deque()
        self._arrived = asyncio.Event()
        self._error: Exception | None = None

    def __call__(self, delivery: Delivery) -> None:
        if len(self._waiting) >= self._limit:
            self._waiting.clear()
            delivery = Delivery(delivery.group, RESYNC, {})
        self._waiting.append(delivery)
        self._arrived.set()

    def fail(self, error: Exception) -> None:
        """Make the reader get this error from now on, and none of what waits."""
        self._error = error
        self._arrived.set()

    def __aiter__(self) -> AsyncIterator[Delivery]:
        return self

    async def __anext__(self) -> Delivery:
        while self._error is None and not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        if self._error is not None:
            raise self._error
        return self._waiting.popleft()


@asynccontextmanager
async def subscribe(*groups: str, limit: int = 1000) -> AsyncIterator[Subscription]:
    """`async with subscribe(group) as events: async for delivery in events`. In force once the block is entered.

    At most `limit` events wait for the reader; past that it gets `RESYNC` instead of them.

    Raises:
        Unavailable: the channel layer cannot be reached.
    """
    hub, events = current_hub(), Subscription(limit)
    try:
        for group in groups:
            await hub.listen(group, events)
        yield events
    finally:
        for group in groups:
            await hub.stop_listening(group, events)
