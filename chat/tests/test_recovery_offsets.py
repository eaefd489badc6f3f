"""Offsets: what messages carry for recovery, and what is made of those that come back."""

import orjson
import pytest

from chat import actions, events
from chat.access.sweeps import current_sweeper
from chat.database import run_in_db
from chat.live.delivery import Delivery
from chat.live.frames import event_packet
from chat.live.offsets import format_offset
from chat.main_namespace import recovery
from chat.tests.posting import post_all
from chat.tests.recoverable import Recoverable
from chat.tests.socket_client import disconnect_all

pytestmark = pytest.mark.django_db(transaction=True)


async def test_each_message_carries_how_far_the_client_is_in_all_its_rooms(ada, grace, general, random):
    client = await Recoverable(ada).connect()
    await post_all(grace, random, "before")
    await client.join(general)
    await client.join(random)

    await post_all(grace, general, "one")
    await client.message()
    assert client.offset == format_offset({general.pk: 1, random.pk: 1})

    await post_all(grace, random, "two")
    await client.message()
    assert client.offset == format_offset({general.pk: 1, random.pk: 2})
    await disconnect_all(client.wire)


async def test_a_replayed_message_carries_its_own_position(ada, grace, general):
    await post_all(grace, general, "one", "two", "three")
    client = await Recoverable(ada).connect()
    await client.join(general, since=0)

    offsets = []
    for _ in range(3):
        await client.message()
        offsets.append(client.offset)

    assert offsets == [f"{general.pk}:{version}" for version in (1, 2, 3)]
    await disconnect_all(client.wire)


async def test_a_replayed_message_carries_its_own_position_where_versions_were_overtaken(ada, grace, general):
    first, *_ = await post_all(grace, general, "one", "two", "three")
    await run_in_db(actions.edit_message, grace, message_id=first.pk, text="one, edited")
    client = await Recoverable(ada).connect()
    await client.join(general, since=0)

    seen = []
    for _ in range(3):
        message = await client.message()
        seen.append((message["text"], client.offset))

    assert seen == [
        ("two", f"{general.pk}:2"),
        ("three", f"{general.pk}:3"),
        ("one, edited", f"{general.pk}:4"),
    ]
    await disconnect_all(client.wire)


@pytest.mark.parametrize(
    "offset", ["rubbish", 5, ["1:1"], "1:-1", "1:1,1:2", "1:99999999999999999999", "1" * 10_000]
)
async def test_an_offset_that_was_never_given_out_recovers_nothing(ada, general, offset):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.cut_off()
    pid, client.offset = client.pid, offset

    await client.connect()

    assert not client.recovered
    assert client.pid != pid
    await disconnect_all(client.wire)


async def test_a_position_beyond_the_room_misses_nothing_that_comes_later(ada, grace, general):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.cut_off()
    client.offset = f"{general.pk}:{2**62}"
    await post_all(grace, general, "skipped")

    await client.connect()

    await post_all(grace, general, "live")
    assert await client.texts(1) == ["live"]
    await disconnect_all(client.wire)


async def test_positions_in_rooms_that_were_not_joined_open_none(ada, grace, general, random):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.cut_off()
    client.offset = format_offset({general.pk: 0, random.pk: 0})
    await post_all(grace, random, "in random")
    await post_all(grace, general, "in general")

    await client.connect()

    assert await client.texts(1) == ["in general"]
    assert await client.wire.no_event()
    await disconnect_all(client.wire)


async def test_no_event_but_the_recoverable_ones_ends_in_a_string(ada, general):
    message = {"roomId": "1", "version": 1}
    samples = {
        events.MessagePosted: (message,),
        events.MessageUpdated: (message,),
        events.MessageDelta: (1, 2, 0, "text"),
        events.UserJoined: (1, 2),
        events.UserLeft: (1, 2),
        events.Typing: (1, 2, True),
        events.MembershipsChanged: (1, (2,)),
    }
    announced = {
        one
        for one in vars(events).values()
        if isinstance(one, type) and isinstance(vars(one).get("name"), str)
    }
    assert announced == set(samples)
    for kind, values in samples.items():
        event = kind(*values)
        packet = event_packet(Delivery(event.group(), event.name, event.data()))
        assert not isinstance(orjson.loads(packet[2:])[-1], str), packet


async def test_a_socket_refuses_to_emit_what_a_stock_client_would_take_for_an_offset(ada):
    client = await Recoverable(ada).connect()
    [socket] = current_sweeper()._live

    with pytest.raises(ValueError, match="must not end in a string"):
        socket.emit("note", {"a": 1}, "text")

    await disconnect_all(client.wire)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("EIO=4&transport=websocket", True),
        ("EIO=4&transport=polling&t=pm2k3a8x", True),
        ("EIO=4&transport=websocket&t=1700000000.1234567", False),
    ],
)
def test_python_socketio_is_given_no_pid(query, wanted):
    assert recovery.wants_recovery({"query_string": query.encode()}, {}) is wanted
