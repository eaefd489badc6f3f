"""Connection state recovery: what a client gets back that was cut off."""

import pytest

from chat import actions
from chat.database import run_in_db
from chat.live.offsets import format_offset
from chat.models import Membership, SocketSession
from chat.tests.posting import post_all
from chat.tests.recoverable import Recoverable
from chat.tests.socket_client import disconnect_all

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_client_that_was_cut_off_gets_its_rooms_and_what_it_missed(ada, grace, general):
    client = await Recoverable(ada).connect()
    assert client.pid and not client.recovered
    await client.join(general)
    await client.cut_off()
    await post_all(grace, general, "one", "two")

    await client.connect()

    assert client.recovered
    assert await client.texts(2) == ["one", "two"]
    await post_all(grace, general, "three")
    assert await client.texts(1) == ["three"]
    await disconnect_all(client.wire)


async def test_rooms_in_which_the_last_message_was_not_are_recovered_from_their_own_positions(
    ada, grace, general, random
):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.join(random)
    await post_all(grace, random, "seen in random")
    await post_all(grace, general, "seen in general")
    assert await client.texts(2) == ["seen in random", "seen in general"]
    await client.cut_off()
    await post_all(grace, random, "r1")
    await post_all(grace, general, "g1")
    await post_all(grace, random, "r2")

    await client.connect()

    missed = await client.texts(3)
    assert [text for text in missed if text[0] == "r"] == ["r1", "r2"]
    assert [text for text in missed if text[0] == "g"] == ["g1"]
    assert client.offset == format_offset({general.pk: 2, random.pk: 3})
    assert await client.wire.no_event()
    await disconnect_all(client.wire)


async def test_a_client_cut_off_within_the_replay_goes_on_there(ada, grace, general):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.cut_off()
    await post_all(grace, general, "one", "two", "three")
    await client.connect()
    assert await client.texts(1) == ["one"]
    await client.cut_off()

    await client.connect()

    assert client.recovered
    assert await client.texts(2) == ["two", "three"]
    await disconnect_all(client.wire)


async def test_more_is_missed_than_fits_into_one_page(ada, grace, general, monkeypatch):
    monkeypatch.setattr("chat.live.room_feed.PAGE_MESSAGES", 5)
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.cut_off()
    texts = [f"number {n}" for n in range(17)]
    await post_all(grace, general, *texts)

    await client.connect()

    assert await client.texts(17) == texts
    await disconnect_all(client.wire)


async def test_a_message_that_was_deleted_meanwhile_comes_in_its_final_state(ada, grace, general):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await post_all(grace, general, "seen")
    await client.message()
    await client.cut_off()
    [message] = await post_all(grace, general, "secret")
    await run_in_db(actions.delete_message, grace, message_id=message.pk)

    await client.connect()

    missed = await client.message()
    assert (missed["id"], missed["text"], missed["version"]) == (str(message.pk), "", 3)
    assert missed["deletedAt"] is not None
    await disconnect_all(client.wire)


async def test_typing_and_presence_go_on_after_recovery(ada, grace, general):
    other = await Recoverable(grace).connect()
    await other.join(general)
    client = await Recoverable(ada).connect()
    await client.join(general)
    await other.wire.event("user-joined")
    await client.cut_off()
    await other.wire.event("user-left")

    await client.connect()

    assert await other.wire.event("user-joined") == ["user-joined", str(ada.pk), {"roomId": str(general.pk)}]
    assert (await client.wire.emit("typing", str(general.pk), True))["ok"]
    assert (await other.wire.event("typing"))[1]["userId"] == str(ada.pk)
    await disconnect_all(client.wire, other.wire)


async def test_a_room_that_was_left_is_not_recovered(ada, grace, general, random):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.join(random)
    await client.wire.emit("leave-room", str(random.pk))
    await client.cut_off()
    await post_all(grace, random, "not for the client")
    await post_all(grace, general, "for the client")

    await client.connect()

    assert await client.texts(1) == ["for the client"]
    assert await client.wire.no_event()
    await disconnect_all(client.wire)


async def test_a_room_joined_anew_is_recovered_from_there_not_from_an_older_position(ada, grace, general):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await post_all(grace, general, "seen")
    await client.message()
    await client.wire.emit("leave-room", str(general.pk))
    await post_all(grace, general, "while it was out")
    await client.join(general)
    await client.cut_off()
    await post_all(grace, general, "missed")

    await client.connect()

    assert await client.texts(1) == ["missed"]
    await disconnect_all(client.wire)


async def test_a_room_lost_meanwhile_is_named_and_the_others_are_recovered(ada, grace, general, random):
    client = await Recoverable(grace).connect()
    await client.join(general)
    await client.join(random)
    await client.cut_off()
    await Membership.objects.filter(user=grace, room=random).adelete()
    await post_all(ada, random, "not for grace")
    await post_all(ada, general, "for grace")

    await client.connect()

    assert client.recovered
    assert await client.wire.event("room-lost") == ["room-lost", {"roomId": str(random.pk)}]
    assert await client.texts(1) == ["for grace"]
    assert (await SocketSession.objects.aget()).rooms.keys() == {str(general.pk)}
    await post_all(ada, random, "still not")
    assert await client.wire.no_event()
    await disconnect_all(client.wire)
