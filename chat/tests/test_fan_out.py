"""Seats of a room, to which any interleaving of events, slices, comings and goings writes the same."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.live.delivery import Delivery
from chat.live.fan_out import FanOut, Seat
from chat.sockets.protocol.websocket import encode_frame

ROOM = "room.1"


def stored(version: int) -> Delivery:
    return Delivery(ROOM, "new-message", {"version": version})


def typing(user_id: int) -> Delivery:
    return Delivery(ROOM, "typing", {"userId": str(user_id)})


class Client:
    """A reader who is also its session, and the raw frames of it while `direct` is itself."""

    def __init__(self, user_id: int = 1, *, direct: bool = False) -> None:
        self.user_id = user_id
        self.session: Any = self
        self.direct = self if direct else None
        self.recoverable = False
        self.rooms = [1]
        self.packets: list[str] = []
        self.writes: list[bytes] = []
        self.closed = ""
        self.seat: Seat | None = None
        self.resynced_at: int | None = None

    def join(self, fan_out: FanOut, version: int) -> "Client":
        def resync(reached: int) -> None:
            self.resynced_at = reached

        self.fan_out = fan_out
        self.seat = fan_out.join(self, version, resync)
        return self

    def _seated(self) -> Seat:
        assert self.seat is not None
        return self.seat

    def room_ids(self) -> list[int]:
        return self.rooms

    def positions(self) -> str:
        return f"1:{self.fan_out.position(self._seated())},2:5"

    def write(self, frames: bytes) -> None:
        self.writes.append(frames)

    def send(self, packet: str) -> None:
        self.packets.append(packet)

    def send_encoded(self, frames: bytes, packets: list[str]) -> None:
        assert frames == b"".join(map(encode_frame, packets))
        self.packets += packets

    def close(self, reason: str) -> None:
        self.closed = reason

    @property
    def versions(self) -> list[int]:
        return [orjson.loads(packet[2:])[1]["version"] for packet in self.packets]


def write_all(fan_out: FanOut) -> None:
    while not fan_out.write_next(2)[1]:
        pass


def test_what_came_since_the_last_flush_is_one_write_per_client():
    fan_out = FanOut(1)
    clients = [Client(direct=True).join(fan_out, 0) for _ in range(3)]
    fan_out.add(stored(1))
    fan_out.add(stored(2))

    write_all(fan_out)

    expected = b"".join(encode_frame(f'42["new-message",{{"version":{n}}}]') for n in (1, 2))
    assert [client.writes for client in clients] == [[expected]] * 3


def test_a_client_gets_what_comes_after_it_joined_and_until_it_leaves():
    fan_out = FanOut(1)
    early = Client().join(fan_out, 0)
    fan_out.add(stored(1))
    late, leaving = Client().join(fan_out, 1), Client().join(fan_out, 1)
    fan_out.add(stored(2))
    fan_out.leave(leaving.seat)

    write_all(fan_out)

    assert (early.versions, late.versions, leaving.versions) == ([1, 2], [2], [])


def test_who_is_reached_late_gets_more_at_once_and_nobody_anything_twice():
    fan_out = FanOut(1)
    clients = [Client(direct=True).join(fan_out, 0) for _ in range(4)]
    fan_out.add(stored(1))

    assert fan_out.write_next(2) == (2, False)
    fan_out.add(stored(2))
    assert fan_out.write_next(2) == (2, False)  # level with the first round, not with the first two clients
    assert fan_out.write_next(4) == (4, True)

    assert [len(client.writes) for client in clients] == [2, 2, 1, 1]
    assert len({b"".join(client.writes) for client in clients}) == 1


def test_users_are_not_told_what_is_about_themselves():
    fan_out = FanOut(1)
    ada, grace = Client(1, direct=True).join(fan_out, 0), Client(2, direct=True).join(fan_out, 0)
    slow = Client(1).join(fan_out, 0)
    for delivery in (stored(1), typing(1), stored(2), typing(1)):
        fan_out.add(delivery)

    write_all(fan_out)

    assert ada.versions == slow.versions == [1, 2]
    assert ada.writes == slow.writes == []  # the fake checks what is written together
    assert grace.packets == [] and grace.writes[0].count(b"typing") == 2


def test_who_has_nothing_but_news_about_himself_is_written_nothing():
    fan_out = FanOut(1)
    ada = Client(1, direct=True).join(fan_out, 0)
    fan_out.add(typing(1))

    write_all(fan_out)

    assert (ada.packets, ada.writes) == ([], [])


def test_a_client_that_can_be_recovered_is_told_how_far_it_is():
    fan_out = FanOut(1)
    one, several = Client().join(fan_out, 6), Client(2).join(fan_out, 6)
    one.recoverable = several.recoverable = True
    several.rooms = [1, 2]
    for delivery in (stored(7), typing(3), stored(8)):
        fan_out.add(delivery)

    write_all(fan_out)

    assert [orjson.loads(packet[2:])[2:] for packet in one.packets] == [["1:7"], [], ["1:8"]]
    assert [orjson.loads(packet[2:])[2:] for packet in several.packets] == [["1:7,2:5"], [], ["1:8,2:5"]]


def test_a_position_counts_what_was_written():
    fan_out = FanOut(1)
    client = Client().join(fan_out, 6)
    fan_out.add(typing(2))
    fan_out.add(stored(7))

    assert fan_out.position(client.seat) == 6
    write_all(fan_out)
    assert fan_out.position(client.seat) == 7


def test_a_resync_writes_what_there_is_and_empties_the_seats():
    fan_out = FanOut(1)
    clients = [Client().join(fan_out, 0) for _ in range(3)]
    fan_out.add(stored(1))
    fan_out.write_next(1)
    fan_out.add(stored(2))

    fan_out.resync()
    fan_out.add(stored(3))
    write_all(fan_out)

    assert [(client.versions, client.resynced_at) for client in clients] == [([1, 2], 2)] * 3
    assert len(fan_out) == 0


def test_a_client_that_cannot_be_written_to_is_closed_and_the_others_get_theirs(caplog):
    fan_out = FanOut(1)
    broken, other = Client(direct=True).join(fan_out, 0), Client(direct=True).join(fan_out, 0)
    broken.write = None
    fan_out.add(stored(1))

    write_all(fan_out)

    assert broken.closed and len(other.writes) == 1
    assert "could not be written" in caplog.text


ACTIONS = st.lists(
    st.one_of(
        st.just(("add", 0)),
        st.tuples(st.just("write"), st.integers(1, 3)),
        st.just(("join", 0)),
        st.tuples(st.just("leave"), st.integers(0, 5)),
    ),
    max_size=60,
)


@pytest.mark.parametrize("direct", [True, False])
@given(actions=ACTIONS)
def test_each_client_gets_every_event_of_its_time_once_and_in_order(direct, actions):
    fan_out, version = FanOut(1), 0
    present: list[tuple[Client, int]] = []
    gone: list[tuple[Client, int]] = []
    for action, number in actions:
        if action == "add" and present:
            version += 1
            fan_out.add(stored(version))
        elif action == "write":
            fan_out.write_next(number)
        elif action == "join":
            present.append((Client(direct=direct).join(fan_out, version), version))
        elif action == "leave" and number < len(present):
            client, joined_at = present.pop(number)
            fan_out.leave(client.seat)
            gone.append((client, joined_at))
    write_all(fan_out)

    def got(client: Client) -> str:
        return b"".join(client.writes).decode("latin-1") if direct else "".join(client.packets)

    def events(first: int, last: int) -> str:
        packets = [f'42["new-message",{{"version":{n}}}]' for n in range(first, last + 1)]
        return b"".join(map(encode_frame, packets)).decode("latin-1") if direct else "".join(packets)

    for client, joined_at in present:
        assert got(client) == events(joined_at + 1, version)
    for client, joined_at in gone:
        assert events(joined_at + 1, version).startswith(got(client))


def test_a_room_that_is_given_up_closes_its_clients_and_begins_anew():
    fan_out = FanOut(1)
    client = Client().join(fan_out, 0)
    fan_out.add(stored(1))

    fan_out.give_up()
    later = Client().join(fan_out, 1)
    fan_out.add(stored(2))
    write_all(fan_out)

    assert client.closed == "an event could not be written"
    assert (client.versions, later.versions) == ([], [2])
