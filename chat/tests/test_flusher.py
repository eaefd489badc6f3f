"""The flusher on a clock of its own, over rooms whose clients take a known time."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from chat.live.flusher import REST_MAX_S, SLICE_S, SLICE_SEATS, Flusher


class Loop:
    """An event loop that runs when told; time passes only in what it runs."""

    def __init__(self) -> None:
        self.now = 100.0
        self.soon: list[Callable[[], None]] = []
        self.later: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, call: Callable[[], None]) -> None:
        self.soon.append(call)

    def call_later(self, delay_s: float, call: Callable[[], None]) -> None:
        self.later.append((self.now + delay_s, call))

    def turn(self) -> float:
        """Run what is due once; how long it took."""
        began = self.now
        due, self.soon = self.soon, []
        due += [call for at, call in self.later if at <= self.now]
        self.later = [(at, call) for at, call in self.later if at > self.now]
        for call in due:
            call()
        return self.now - began

    def run(self) -> list[float]:
        """Turn until there is nothing to do at once."""
        took = []
        while self.soon:
            took.append(self.turn())
        return took


class Room:
    """So many clients, each of which takes so long."""

    def __init__(self, loop: Loop, clients: int, client_s: float) -> None:
        self.loop, self.clients, self.client_s = loop, clients, client_s
        self.left = 0
        self.written_at: list[float] = []

    def event(self) -> "Room":
        self.left = self.clients
        return self

    def write_next(self, count: int) -> tuple[int, bool]:
        count = min(count, self.left)
        self.loop.now += count * self.client_s
        self.left -= count
        if self.left == 0:
            self.written_at.append(self.loop.now)
        return count, self.left == 0


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def flusher(loop) -> Any:
    return Flusher(loop)


def test_what_comes_in_one_turn_is_written_at_its_end(loop, flusher):
    room = Room(loop, 10, 0.00001)

    flusher.schedule(room.event())
    flusher.schedule(room.event())

    assert room.written_at == []
    loop.run()
    assert len(room.written_at) == 1


@pytest.mark.parametrize("client_s", [0.0, 0.000_001, 0.000_02, 0.000_04])
def test_no_slice_of_a_large_room_takes_long(loop, flusher, client_s):
    room = Room(loop, 20_000, client_s)

    flusher.schedule(room.event())
    turns = loop.run()

    assert room.left == 0
    assert len(turns) >= 20_000 / SLICE_SEATS
    assert max(turns) <= 2 * SLICE_S


def test_a_small_room_does_not_wait_for_a_large_one(loop, flusher):
    large, small = Room(loop, 10_000, 0.000_01), Room(loop, 2, 0.000_01)
    flusher.schedule(large.event())

    flusher.schedule(small.event())
    loop.run()

    assert small.written_at[0] < large.written_at[0] and small.written_at[0] < 100 + 2 * SLICE_S


def test_it_rests_as_long_as_the_last_flush_took(loop, flusher):
    room = Room(loop, 100, 0.000_02)
    flusher.schedule(room.event())
    flusher.schedule(room.event())
    loop.run()
    [first] = room.written_at

    flusher.schedule(room.event())

    assert loop.soon == []
    [(at, _)] = loop.later
    assert at == pytest.approx(first + 0.002)


def test_events_that_come_one_at_a_time_wait_for_no_rest(loop, flusher):
    room, other = Room(loop, 100, 0.000_02), Room(loop, 100, 0.000_02)
    flusher.schedule(room.event())
    flusher.schedule(other.event())
    loop.run()

    flusher.schedule(room.event())

    assert loop.later == [] and len(loop.soon) == 1


def test_it_never_rests_long(loop, flusher):
    room = Room(loop, 10_000, 0.000_02)
    flusher.schedule(room.event())
    flusher.schedule(room.event())
    loop.run()

    flusher.schedule(room.event())

    [(at, _)] = loop.later
    assert at == pytest.approx(loop.now + REST_MAX_S)


def test_after_its_rest_it_writes_at_once(loop, flusher):
    room = Room(loop, 100, 0.000_02)
    flusher.schedule(room.event())
    flusher.schedule(room.event())
    loop.run()
    loop.now += 0.003

    flusher.schedule(room.event())

    assert loop.later == [] and len(loop.soon) == 1


class BrokenRoom(Room):
    is_given_up = False

    def write_next(self, count: int) -> tuple[int, bool]:
        raise ZeroDivisionError

    def give_up(self) -> None:
        self.is_given_up = True


def test_a_room_that_cannot_be_written_is_given_up_and_the_others_go_on(caplog):
    loop = Loop()
    flusher: Any = Flusher(cast(Any, loop))
    broken, room = BrokenRoom(loop, 1, 0), Room(loop, 1, 0)

    flusher.schedule(broken)
    flusher.schedule(room.event())
    loop.run()
    loop.now += REST_MAX_S
    flusher.schedule(room.event())
    loop.run()

    assert broken.is_given_up
    assert len(room.written_at) == 2
    assert "ZeroDivisionError" in caplog.text
