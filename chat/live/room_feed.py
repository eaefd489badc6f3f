"""What one socket gets of one room: each version exactly once, whether it comes live or from the database.

Live events are collected from before the database is read until what was missed has been sent. The database shows a
message in its last state, so a read at version R covers everything up to R.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from chat.database import run_in_db
from chat.events import MessagePosted, MessageUpdated, room_group
from chat.live.delivery import RESYNC, Delivery
from chat.live.fan_out import Reader, Seat
from chat.live.frames import event_packet, packet_with_offset
from chat.live.hub import current_hub
from chat.models import Room
from chat.per_loop import PerLoop
from chat.selectors import PAGE_MESSAGES, changes_since, message_payload
from chat.sockets.engine import SessionClosed

log = logging.getLogger(__name__)
HELD_MAX_EVENTS = 1000
BEHIND_PAUSE_S = 0.1


class RoomFeed:
    """The live feed of a room. `open`, then `start` or `replay`, at the end `close`.

    While it is level with the live events it has a seat, by which they are written. Else it collects them.

    Attributes:
        has_begun: `start` or `replay` said where the client is.
        is_closed: nothing is sent any more.
    """

    def __init__(self, reader: Reader, room_id: int) -> None:
        self.room_id = room_id
        self._reader = reader
        self._group = room_group(room_id)
        self._hub = current_hub()
        self._listener: Callable[[Delivery], None] = self._receive  # one object: bound methods are made anew
        self._seat: Seat | None = None
        self._held: list[Delivery] | None = []  # live events wait here while the database is read
        # What was announced since then (a moment of `_Reads`) is held, so a read must not have begun earlier.
        self._collecting_since = 0
        self._read_again = False
        self._read_until = 0
        self._sent = 0
        self.has_begun = False
        self.is_closed = False
        self._task: asyncio.Task[None] | None = None

    @property
    def position(self) -> int:
        """The version up to which everything was sent."""
        return self._sent if self._seat is None else self._hub.written_to(self._group, self._seat)

    async def open(self) -> None:
        """Collect live events from now on.

        Raises:
            Unavailable: the channel layer cannot be reached.
        """
        await self._hub.listen(self._group, self._listener)
        self._collecting_since = _current_reads().moment()

    def start(self, version: int) -> None:
        """Send what comes after `version`, at which the room was read."""
        if self.is_closed:  # access was lost after it was checked
            return
        self._sent, self.has_begun = version, True
        if self._has_hole():
            self._require_read()
        if self._read_again:
            self._catch_up()
        else:
            self._release()

    def replay(self, since: int, version: int) -> None:
        """Send what changed after `since`, then what comes live. The room was at `version` when access was given."""
        if self.is_closed:
            return
        self._sent, self.has_begun = min(since, version), True
        self._read_until = version
        self._catch_up()

    def stop(self) -> None:
        """Send nothing from now on. `close` has to follow."""
        self.is_closed, self._held = True, []
        if self._task is not None:
            self._task.cancel()
        if self._seat is not None:
            self._sent = self.position
            self._hub.leave_seat(self._group, self._listener, self._seat)
            self._seat = None

    async def close(self) -> None:
        """Stop, and listen no more."""
        self.stop()
        await self._hub.stop_listening(self._group, self._listener)

    # -------------------------------------------------------------------------------------------- live

    def _receive(self, delivery: Delivery) -> None:
        """An event while there is no seat."""
        if self.is_closed:
            return
        if delivery.name == RESYNC:
            self._require_read()
            if self._held is None:
                self._catch_up()
        elif self._held is None:  # what was read is ahead of the live events
            self._send_until_level(delivery)
        elif len(self._held) < HELD_MAX_EVENTS:
            self._held.append(delivery)
        else:  # the database has them all
            self._held.clear()
            self._require_read()

    def _send_until_level(self, delivery: Delivery) -> None:
        if delivery.version is not None and delivery.version > self._sent + 1:
            self._require_read()
            self._catch_up()
        else:
            self._send(delivery)
            self._take_seat()

    def _resync(self, reached: int) -> None:
        """The seat is lost, since events may have been."""
        self._seat, self._sent = None, reached
        self._require_read()
        self._catch_up()

    def _send(self, delivery: Delivery) -> None:
        if delivery.version is not None:
            if delivery.version <= self._sent:
                return
            self._sent = delivery.version
        if delivery.about == self._reader.user_id:
            return
        if delivery.version is not None and self._reader.recoverable:
            self._reader.session.send(packet_with_offset(delivery, self._reader.positions()))
        else:
            self._reader.session.send(delivery.encoded(event_packet))

    def _release(self) -> None:
        held, self._held = self._held or [], None
        for delivery in held:
            self._send(delivery)
        self._hub.note_floor(self._group, self._sent)
        handed_on = self._hub.handed_on(self._group)
        if (
            handed_on is not None and handed_on > self._sent
        ):  # to those who were level, so it is in the database
            self._read_until = max(self._read_until, handed_on)
            self._require_read()
            self._catch_up()
        else:
            self._take_seat()

    def _take_seat(self) -> None:
        """Be written to with all the others, if this is where they are."""
        self._seat = self._hub.take_seat(self._group, self._listener, self._reader, self._sent, self._resync)

    # ----------------------------------------------------------------------------------------- catching up

    def _require_read(self) -> None:
        """Only a read that begins from now on shows what was lost until now."""
        self._read_again = True
        self._collecting_since = _current_reads().moment()

    def _catch_up(self) -> None:
        if self._held is None:
            self._held = []
        self._task = asyncio.get_running_loop().create_task(self._read_and_send())

    async def _read_and_send(self) -> None:
        try:
            self._read_again = True
            while self._read_again:
                self._read_again = False
                await self._read_all()
                if self._has_hole():
                    self._require_read()
            self._release()
        except (SessionClosed, Room.DoesNotExist):
            pass
        except (
            Exception
        ):  # whatever it is, the client must not wait for ever: it connects again, and asks again
            log.exception("room %d could not be read for a client that catches up", self.room_id)
            self._reader.session.close("the room could not be read")

    async def _read_all(self) -> None:
        since, complete = self._sent, False
        while not complete:
            changes = await _read_changes(self.room_id, since, self._sent, not_before=self._collecting_since)
            for delivery in changes.deliveries:
                await self._reader.session.writable()
                self._send(delivery)
            self._sent = max(self._sent, changes.version)
            complete = changes.complete and changes.version >= self._read_until
            if changes.complete and not complete:
                await asyncio.sleep(BEHIND_PAUSE_S)

    def _has_hole(self) -> bool:
        """Whether an event that should lie before those that are held did not arrive: it is in the database."""
        expected = self._sent
        for delivery in self._held or ():
            if delivery.version is None:
                continue
            if delivery.version > expected + 1:
                return True
            expected = max(expected, delivery.version)
        return False


@dataclass(frozen=True, slots=True)
class Changes:
    """Messages as events, in the order of their versions, which cover the room up to `version`."""

    deliveries: list[Delivery]
    version: int
    complete: bool


def _load_changes(room_id: int, since: int, above: int) -> Changes:
    version = Room.objects.values_list("version", flat=True).get(pk=room_id)
    messages = changes_since(Room(pk=room_id), above, limit=PAGE_MESSAGES)
    deliveries = [
        Delivery(
            room_group(room_id),
            MessagePosted.name if message.posted_version > since else MessageUpdated.name,
            message_payload(message),
        )
        for message in messages
    ]
    last = messages[-1].version if messages else above
    complete = len(messages) < PAGE_MESSAGES
    return Changes(deliveries, max(version, last) if complete else last, complete)


@dataclass(frozen=True, slots=True)
class _Read:
    """A read in flight, and the moment at which it began."""

    begun_at: int
    task: "asyncio.Task[Changes]"


class _Reads:
    """The reads in flight on one event loop. Moments are numbers that rise: the loop's clock may stand still."""

    def __init__(self) -> None:
        self.in_flight: dict[tuple[int, int, int], _Read] = {}
        self._moments = count(1)

    def moment(self) -> int:
        """Now: later than all before it."""
        return next(self._moments)


_current_reads: PerLoop[_Reads] = PerLoop(_Reads)


async def _read_changes(room_id: int, since: int, above: int, *, not_before: int) -> Changes:
    """A page of the changes after `above`, told as to somebody who last saw `since`.

    Clients that ask the same at the same time (after a restart, most do) share one read, unless it began before the
    moment `not_before`: it may then lack what the asker has not heard of otherwise.
    """
    reads = _current_reads()
    key = (room_id, since, above)
    read = reads.in_flight.get(key)
    if read is None or read.begun_at < not_before:
        task = asyncio.get_running_loop().create_task(run_in_db(_load_changes, *key))
        read = reads.in_flight[key] = _Read(reads.moment(), task)
        task.add_done_callback(lambda _: _forget_read(reads, key, read))
    return await asyncio.shield(read.task)


def _forget_read(reads: _Reads, key: tuple[int, int, int], read: _Read) -> None:
    if reads.in_flight.get(key) is read:
        del reads.in_flight[key]
