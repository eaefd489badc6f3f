"""Subscribers of a room who are told the same: one task reads an event, and writes it to all of them.

Who is level with the live events takes a seat, and its own task sleeps. Whatever is not the common case ends the seat:
a client that does not read, an allowance that is spent, a result with errors, a gap. What was not written by then goes
to the subscriber's own queue, and its own task goes on from there (gql.subscriptions.feeds): it waits, pays, reads the
database or fails for that one alone, in bounded memory, and takes a seat again when it is level.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Protocol

from chat.errors import RateLimited
from chat.live.delivery import RESYNC, Delivery
from chat.live.flusher import REST_MAX_S, SLICE_S, SLICE_SEATS
from chat.live.hub import current_hub
from chat.live.subscription import Subscription
from chat.per_loop import PerLoop
from gql.requests.operations import Operation
from gql.subscriptions.feeds import EventOf, Sit
from gql.subscriptions.sharing import Key, Response, end_of_response, shared_result

log = logging.getLogger(__name__)
LOG_MAX_EVENTS = 1000  # that wait to be written; the subscribers' own queues, which drop, take over beyond it
_STEP_SEATS = 16  # between two looks at the clock
_GONE = sys.maxsize


class Outlet(Protocol):
    """The way to one subscriber past its own task."""

    @property
    def is_ready(self) -> bool:
        """Whether a result can be written now, and takes no memory until the client reads."""

    def write(self, responses: Sequence[bytes], end: bytes) -> None:
        """Send responses, encoded but for their last bytes, which are `end`."""


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """What a subscription needs for a seat: what its results have in common with others', and where they go.

    `compute` runs the operation for an event, for nobody in particular.
    """

    key: Key
    operation: Operation
    outlet: Outlet
    compute: Callable[[object], Awaitable[Response]]

    @asynccontextmanager
    async def among(self, group: str, event_of: EventOf) -> AsyncIterator[Sit]:
        """See `gql.subscriptions.feeds.Place`.

        Raises:
            Unavailable: the channel layer cannot be reached.
        """
        audiences, hub, name = current_audiences(), current_hub(), (group, self.key)
        audience = audiences.get(name)
        if audience is None:
            audience = audiences[name] = Audience(self, event_of)
        audience.followers += 1
        try:
            await hub.listen(group, audience.listener)
            yield partial(audience.sit, self)
        finally:
            audience.followers -= 1
            if not audience.followers:
                del audiences[name]
                await hub.stop_listening(group, audience.listener)


class _Seat:
    """A subscriber to whom everything before `cursor` was written, which is the room up to `version`."""

    __slots__ = ("charge", "cursor", "events", "outlet", "version")

    def __init__(self, place: SharedPlace, events: Subscription, cursor: int, version: int) -> None:
        self.charge = place.operation.charge
        self.outlet = place.outlet
        self.events = events
        self.cursor = cursor
        self.version = version


@dataclass(frozen=True, slots=True)
class _Told:
    """What an event comes to: a result without its end, or None where it says nothing to these subscribers."""

    version: int | None
    result: bytes | None = None
    cost: int = 0


class _Batch:
    """Consecutive events, for all who get just these. `is_whole`: no version is missing between two of them."""

    __slots__ = ("cost", "first", "is_whole", "last", "results")

    def __init__(self, told: Sequence[_Told]) -> None:
        versions = [one.version for one in told if one.version is not None]
        self.first = versions[0] if versions else None
        self.last = versions[-1] if versions else None
        self.is_whole = all(after == before + 1 for before, after in pairwise(versions))
        self.results = [one.result for one in told if one.result is not None]
        self.cost = sum(one.cost for one in told)


class Audience:
    """The seats of one room for one operation, and a log of the events that not everybody has."""

    def __init__(self, place: SharedPlace, event_of: EventOf) -> None:
        self.followers = 0
        self.listener = self._receive  # one object: bound methods are made anew
        self._place = place  # keeps the document, whose id is in the key
        self._event_of = event_of
        self._loop = asyncio.get_running_loop()
        self._seats: dict[_Seat, None] = {}
        self._log: list[Delivery] = []
        self._start = 0  # the log's position
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._seats)

    async def sit(self, place: SharedPlace, events: Subscription, version: int) -> int:
        """Be written to, from `version` on, until something waits in `events`; gives the version that was reached."""
        if len(self._log) >= LOG_MAX_EVENTS:
            await events.arrival()
            return version
        seat = _Seat(place, events, self._start + len(self._log), version)
        self._seats[seat] = None
        events.is_muted = True
        try:
            await events.arrival()
        finally:
            self._dismiss(seat)
        return seat.version

    def _dismiss(self, seat: _Seat) -> None:
        """End the seat, whose subscriber gets by itself what was not written; nothing happens if it has ended."""
        if self._seats.pop(seat, seat) is seat:
            return
        seat.events.is_muted = False
        for delivery in self._log[seat.cursor - self._start :]:
            seat.events(delivery)
        seat.cursor = _GONE

    def _dismiss_all(self) -> None:
        for seat in list(self._seats):
            self._dismiss(seat)

    def _receive(self, delivery: Delivery) -> None:
        if not self._seats:
            return
        self._log.append(delivery)
        if len(self._log) >= LOG_MAX_EVENTS:
            self._dismiss_all()
        if self._task is None:
            self._task = self._loop.create_task(self._tell())

    # --------------------------------------------------------------------------------------- telling

    async def _tell(self) -> None:
        """Write what is in the log. Several events at once are a sign of more: the next round waits for them."""
        try:
            while self._log:
                begun = self._loop.time()
                count = await self._tell_some()
                if count > 1:
                    await asyncio.sleep(min(self._loop.time() - begun, REST_MAX_S))
        except Exception:  # whatever it is, each subscriber can still follow by itself
            log.exception("subscribers could not be told of an event together")
            self._dismiss_all()
            self._forget(len(self._log))
        finally:
            self._task = None

    def _forget(self, count: int) -> None:
        """Drop the first events of the log, which nobody in a seat waits for."""
        del self._log[:count]
        self._start += count

    async def _tell_some(self) -> int:
        """Tell of the first events of the log; gives how many."""
        told: list[_Told] = []
        for delivery in list(self._log):
            one = await self._told(delivery) if self._seats else _Told(delivery.version)
            if one is None:
                break
            told.append(one)
        if told:
            await self._write(told)
            self._forget(len(told))
            return len(told)
        self._dismiss_all()  # events were lost, or this one has a result of each subscriber's own
        self._forget(len(self._log))
        return 0

    async def _told(self, delivery: Delivery) -> _Told | None:
        if delivery.name == RESYNC:
            return None
        event, place = self._event_of(delivery), self._place
        if event is None:
            return _Told(delivery.version)
        shared = await shared_result(event, place.operation, place.key, lambda: place.compute(event))
        return None if shared is None else _Told(delivery.version, shared.response, shared.cost.actual)

    async def _write(self, told: Sequence[_Told]) -> None:
        """Write to every seat what it has not yet of these events, the first of the log, in slices."""
        start, end = self._start, self._start + len(told)
        batches: dict[int, _Batch] = {}
        stop_at, left = self._loop.time() + SLICE_S, SLICE_SEATS
        for number, seat in enumerate(list(self._seats)):
            cursor = seat.cursor
            if cursor >= end:  # it has ended, or began behind these
                continue
            batch = batches.get(cursor)
            if batch is None:
                batch = batches[cursor] = _Batch(told[cursor - start :])
            self._write_to(seat, batch, end)
            left -= 1
            if left <= 0 or (number % _STEP_SEATS == 0 and self._loop.time() >= stop_at):
                await asyncio.sleep(0)  # sockets are read and written
                stop_at, left = self._loop.time() + SLICE_S, SLICE_SEATS

    def _write_to(self, seat: _Seat, batch: _Batch, end: int) -> None:
        is_next = batch.first is None or (batch.is_whole and batch.first == seat.version + 1)
        if not is_next or not seat.events.is_level or not seat.outlet.is_ready:
            self._dismiss(seat)
            return
        if batch.results:
            try:
                balance = seat.charge.pay_events(batch.cost)
            except RateLimited:
                self._dismiss(seat)
                return
            seat.outlet.write(batch.results, end_of_response(balance))
        seat.cursor = end
        if batch.last is not None:
            seat.version = batch.last


current_audiences: PerLoop[dict[tuple[str, Key], Audience]] = PerLoop(dict)
