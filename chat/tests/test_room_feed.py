"""Feeds of one room over a database that answers when it is let: each version exactly once, in order."""

import asyncio
import threading
from typing import Any

import orjson
import pytest

from chat.events import room_group
from chat.live import hub as hub_module
from chat.live import room_feed
from chat.live.delivery import Delivery
from chat.live.hub import current_hub
from chat.live.room_feed import Changes, RoomFeed
from chat.tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)
ROOM_ID = 1
ROOM = room_group(ROOM_ID)


def message(version: int) -> Delivery:
    return Delivery(ROOM, "new-message", {"version": version})


def announce(version: int) -> None:
    current_hub().take(ROOM, [message(version)])


class Reader:
    """A client who is also its own session; `versions` are what it was sent."""

    user_id = 1
    direct = None
    recoverable = False

    def __init__(self) -> None:
        self.session: Any = self
        self.versions: list[int] = []
        self.closed = ""

    def room_ids(self) -> list[int]:
        return [1]

    def positions(self) -> str:
        raise NotImplementedError("it is not recoverable")

    def close(self, reason: str) -> None:
        self.closed = reason

    def send(self, packet: str) -> None:
        _, data = orjson.loads(packet.removeprefix("42"))
        self.versions.append(data["version"])

    def send_encoded(self, frames: bytes, packets: list[str]) -> None:
        for packet in packets:
            self.send(packet)

    async def writable(self) -> None:
        pass


class Database:
    """The room at `version`. A read takes its snapshot, then waits for `gate`."""

    def __init__(self) -> None:
        self.version = 0
        self.reads = 0
        self.gate = threading.Event()
        self.gate.set()

    def load_changes(self, room_id: int, since: int, above: int) -> Changes:
        self.reads += 1
        version = self.version
        assert self.gate.wait(60)
        return Changes([message(n) for n in range(above + 1, version + 1)], version, True)


@pytest.fixture
def database(monkeypatch) -> Database:
    database = Database()
    monkeypatch.setattr(room_feed, "_load_changes", database.load_changes)
    monkeypatch.setattr(room_feed, "BEHIND_PAUSE_S", 0.01)
    monkeypatch.setattr(hub_module, "HOLE_PATIENCE_S", 0.05)
    return database


async def open_feed() -> tuple[RoomFeed, Reader]:
    reader = Reader()
    feed = RoomFeed(reader, ROOM_ID)
    await feed.open()
    return feed, reader


async def test_clients_that_ask_the_same_at_the_same_time_share_a_read(database):
    database.version = 10
    database.gate.clear()
    (one, first), (two, second) = await open_feed(), await open_feed()

    one.replay(8, 10)
    two.replay(8, 10)
    await eventually(lambda: database.reads)
    database.gate.set()

    await eventually(lambda: first.versions == second.versions == [9, 10])
    assert database.reads == 1


async def test_a_read_that_began_before_a_client_listened_is_not_shared_with_it(database):
    database.version = 10
    database.gate.clear()
    one, first = await open_feed()
    one.replay(8, 10)
    await eventually(lambda: database.reads)
    database.version = 11
    announce(11)
    two, second = await open_feed()  # too late for the announcement, and for the read in flight

    two.replay(8, 10)
    await eventually(lambda: database.reads == 2)
    database.gate.set()

    await eventually(lambda: first.versions == second.versions == [9, 10, 11])


async def test_a_replay_goes_on_until_the_version_at_which_access_was_given(database):
    database.version = 10
    feed, reader = await open_feed()

    feed.replay(8, 11)
    await eventually(lambda: reader.versions == [9, 10])
    database.version = 11

    await eventually(lambda: reader.versions == [9, 10, 11])


async def test_what_is_lost_before_the_first_live_event_is_read(database):
    feed, reader = await open_feed()
    feed.start(10)
    database.version = 12

    announce(12)

    await eventually(lambda: reader.versions == [11, 12])


async def test_what_is_lost_before_the_feed_starts_is_read_and_comes_in_order(database):
    database.version = 12
    feed, reader = await open_feed()
    announce(12)

    feed.start(10)

    await eventually(lambda: reader.versions == [11, 12])


async def test_what_is_lost_during_a_replay_is_read_and_comes_in_order(database):
    database.version = 10
    database.gate.clear()
    feed, reader = await open_feed()
    feed.replay(9, 10)
    await eventually(lambda: database.reads)
    database.version = 12

    announce(12)
    database.gate.set()

    await eventually(lambda: reader.versions == [10, 11, 12])


async def test_events_that_overtake_each_other_cause_no_read(database):
    earlier, _ = await open_feed()
    earlier.start(10)
    feed, reader = await open_feed()
    announce(12)
    announce(11)

    feed.start(10)

    await asyncio.sleep(0.1)
    assert (reader.versions, database.reads) == ([11, 12], 0)


async def test_an_event_that_overtakes_the_first_one_is_not_told_before_it(database):
    database.version = 12
    feed, reader = await open_feed()
    announce(12)
    announce(11)

    feed.start(10)

    await eventually(lambda: reader.versions == [11, 12])


async def test_a_client_whose_room_cannot_be_read_is_closed(database, monkeypatch, caplog):
    def fail(room_id: int, since: int, above: int) -> Changes:
        raise ValueError("a bug")

    monkeypatch.setattr(room_feed, "_load_changes", fail)
    feed, reader = await open_feed()

    feed.replay(8, 10)

    await eventually(lambda: reader.closed == "the room could not be read")
    assert "a bug" in caplog.text


@pytest.mark.parametrize("how", ["start", "replay"])
async def test_a_feed_that_was_stopped_sends_nothing(database, how):
    database.version = 10
    feed, reader = await open_feed()
    feed.stop()

    if how == "start":
        feed.start(8)
    else:
        feed.replay(8, 10)
    announce(11)

    await asyncio.sleep(0.1)
    assert reader.versions == []
    await feed.close()


async def test_a_feed_that_is_stopped_in_its_seat_sends_nothing_more(database):
    feed, reader = await open_feed()
    feed.start(10)
    announce(11)
    await eventually(lambda: reader.versions == [11])
    announce(12)  # written at the end of this turn of the loop

    feed.stop()

    await asyncio.sleep(0.1)
    assert reader.versions == [11]
    await feed.close()


async def test_a_feed_behind_those_who_have_seats_reads_on(database):
    """What others were written while it was not listened to is in the database."""
    seated, _ = await open_feed()
    seated.start(10)
    database.version = 11
    announce(11)
    feed, reader = await open_feed()

    feed.start(10)

    await eventually(lambda: reader.versions == [11])
