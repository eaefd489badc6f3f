"""Live events of a room to its clients: joined, written once per client, and never to too many clients at a time.

A room keeps a log of the events that not everybody has; a client's seat is a position in it. What arrives within one
turn of the event loop is written together, and a client that is reached late gets more at once. So each client gets
all events in order, however the writing is sliced, and whoever comes and goes meanwhile.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from chat.live.delivery import Delivery
from chat.live.frames import Run, event_packet, packet_with_offset
from chat.sockets.engine import Session

log = logging.getLogger(__name__)
_GONE = -1


class Reader(Protocol):
    """Whom a room's events are written to."""

    @property
    def session(self) -> Session: ...
    @property
    def user_id(self) -> int: ...
    @property
    def recoverable(self) -> bool:
        """Whether the client is told, with each message, how far it is."""

    def room_ids(self) -> Collection[int]:
        """The rooms that the client has joined."""

    def positions(self) -> str:
        """How far the client is in each of them, as an offset (`chat.live.offsets`)."""


class Seat:
    """One client in the room. It has been written everything before `cursor`.

    `on_resync` is called when events may have been lost, with the version that was reached; the seat is gone then.
    """

    __slots__ = ("cursor", "on_resync", "reader", "session", "user_id")

    def __init__(self, reader: Reader, cursor: int, on_resync: Callable[[int], None]) -> None:
        self.reader = reader
        self.session = reader.session
        self.user_id = reader.user_id
        self.cursor = cursor
        self.on_resync = on_resync


class FanOut:
    """The seats of one room, and what is to be written to them."""

    def __init__(self, room_id: int) -> None:
        self._room_id = room_id
        self._seats: dict[Seat, None] = {}
        self._log: list[Delivery] = []
        self._start = self._end = 0  # the log's positions
        self._version = 0  # of the room, at the log's end
        self._runs: dict[int, Run] = {}  # from a position to the log's end
        self._round: list[Seat] = []
        self._next = 0
        self._round_end = 0

    def __len__(self) -> int:
        return len(self._seats)

    def join(self, reader: Reader, version: int, on_resync: Callable[[int], None]) -> Seat:
        """A seat for a client that has everything up to `version`, which the room's events have reached."""
        self._version = version
        seat = Seat(reader, self._end, on_resync)
        self._seats[seat] = None
        return seat

    def leave(self, seat: Seat) -> None:
        """Write nothing more to the seat."""
        self._seats.pop(seat, None)
        seat.cursor = _GONE

    def position(self, seat: Seat) -> int:
        """The version up to which everything was written to the seat."""
        for delivery in self._log[seat.cursor - self._start :]:
            if delivery.version is not None:
                return delivery.version - 1
        return self._version

    def add(self, delivery: Delivery) -> None:
        """Have the event written to all seats that there are now."""
        self._log.append(delivery)
        self._end += 1
        self._runs.clear()
        if delivery.version is not None:
            self._version = delivery.version

    def resync(self) -> None:
        """Write what there is to everybody, and empty the seats: events may have been lost."""
        self._write(list(self._seats))
        seats, self._seats = self._seats, {}
        for seat in seats:
            seat.cursor = _GONE
            seat.on_resync(self._version)

    def give_up(self) -> None:
        """Close the sessions of all seats, and forget what was to be written: their clients connect again, and read."""
        seats, self._seats = self._seats, {}
        self._log, self._round, self._next = [], [], 0
        self._runs.clear()
        self._start = self._round_end = self._end
        for seat in seats:
            seat.cursor = _GONE
            seat.session.close("an event could not be written")

    def write_next(self, count: int) -> tuple[int, bool]:
        """Write to the next seats, at most `count`. How many there were, and whether everybody has everything now."""
        if self._next >= len(self._round):
            self._round, self._next, self._round_end = list(self._seats), 0, self._end
        seats = self._round[self._next : self._next + count]
        self._next += count
        self._write(seats)
        if self._next < len(self._round):
            return len(seats), False
        del self._log[: self._round_end - self._start]  # who joined during the round did so behind these
        self._start = self._round_end
        self._round = []
        return len(seats), self._start == self._end

    def _write(self, seats: Sequence[Seat]) -> None:
        """This runs once per client and event, or burst of events: every microsecond counts."""
        end, cursor = self._end, _GONE
        for seat in seats:
            if seat.cursor != cursor:
                if seat.cursor == _GONE or seat.cursor == end:
                    continue
                cursor = seat.cursor
                run = self._run(cursor)
                frames, about, has_versions = run.plain.frames, run.about, run.has_versions
            try:
                direct = seat.session.direct
                if direct is None or (has_versions and seat.reader.recoverable) or seat.user_id in about:
                    self._write_to(seat, run)
                else:
                    direct.write(frames)
            except Exception:  # the others get theirs; this one connects again and reads
                log.exception("an event could not be written to a client")
                seat.session.close("the event could not be written")
            seat.cursor = end

    def _run(self, cursor: int) -> Run:
        run = self._runs.get(cursor)
        if run is None:
            run = self._runs[cursor] = Run(self._log[cursor - self._start :])
        return run

    def _write_to(self, seat: Seat, run: Run) -> None:
        reader = seat.reader
        with_offset = run.has_versions and reader.recoverable
        if with_offset and (seat.user_id in run.about or len(reader.room_ids()) > 1):
            self._write_singly(seat, run)
        elif seat.user_id in run.about:
            rest = run.without(seat.user_id)
            if rest.packets:
                seat.session.send_encoded(*rest)
        else:
            seat.session.send_encoded(*(run.with_offset(self._room_id) if with_offset else run.plain))

    def _write_singly(self, seat: Seat, run: Run) -> None:
        for delivery in run.deliveries:
            seat.cursor += 1
            if delivery.about == seat.user_id:
                continue
            if delivery.version is not None:
                seat.session.send(packet_with_offset(delivery, seat.reader.positions()))
            else:
                seat.session.send(delivery.encoded(event_packet))
