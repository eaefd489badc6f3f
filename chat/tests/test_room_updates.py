"""`room-updated`: members hear of their rooms, whether they have joined them or not."""

import asyncio
from collections.abc import Callable

import pytest

from chat import actions
from chat.database import run_in_db
from chat.live import room_updates
from chat.live.room_updates import current_room_updates
from chat.models import Membership, Room, User
from chat.tests.people import chat_model
from chat.tests.socket_client import WireClient, access_token, disconnect_all
from chat.tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(room_updates, "PAUSE_S", 0.05)
    monkeypatch.setattr(room_updates, "PAUSE_MAX_S", 0.05)


async def sign_in(user: User) -> WireClient:
    """A client that hears of updates, and of its rooms from now on."""
    client = await WireClient().open()
    client.hears_updates = True
    assert (await client.connect({"token": await access_token(user), "recovery": False})).startswith("40")
    updates = current_room_updates()
    memberships = {
        pair async for pair in Membership.objects.filter(user=user).values_list("room_id", "user_id")
    }
    await eventually(lambda: all(user in updates.members_of(room) for room, user in memberships))
    return client


async def told(client: WireClient, holds: Callable[[dict], bool]) -> dict:
    """The first update for which that holds."""
    async with asyncio.timeout(60):
        while True:
            _, update = await client.event("room-updated")
            if holds(update):
                return update


async def post(user: User, room: Room, text: str) -> None:
    await run_in_db(actions.post_message, user, room_id=room.pk, text=text)


async def test_a_member_who_has_not_joined_hears_of_a_message_and_how_many_are_unread(ada, grace, general):
    client = await sign_in(grace)

    await post(ada, general, "one")

    update = await told(client, lambda update: update["version"] == 1)
    assert update == {"roomId": str(general.pk), "version": 1, "unread": 1}
    await disconnect_all(client)


async def test_many_messages_are_told_of_at_once(ada, grace, general, monkeypatch):
    client = await sign_in(grace)
    monkeypatch.setattr(room_updates, "PAUSE_S", 0.5)

    for n in range(30):
        await post(ada, general, f"number {n}")

    updates = []
    while not updates or updates[-1]["version"] < 30:
        updates.append((await client.event("room-updated"))[1])
    assert updates[-1]["unread"] == 30
    assert len(updates) < 15
    await disconnect_all(client)


async def test_ones_own_messages_are_not_unread(ada, general):
    client = await sign_in(ada)

    await post(ada, general, "by myself")

    assert (await told(client, lambda update: update["version"] == 1))["unread"] == 0
    await disconnect_all(client)


async def test_reading_on_one_device_is_told_to_the_others(ada, grace, general):
    one, other = await sign_in(grace), await sign_in(grace)
    await post(ada, general, "one")
    await told(other, lambda update: update["unread"] == 1)

    await one.emit("mark-read", str(general.pk), 1)

    assert await told(other, lambda update: update["unread"] == 0) == {
        "roomId": str(general.pk),
        "version": 1,
        "unread": 0,
    }
    await disconnect_all(one, other)


async def test_who_is_added_to_a_room_hears_of_it_and_of_what_comes_then(ada, grace, private):
    client = await sign_in(grace)
    await run_in_db(actions.add_member, ada, room_id=private.pk, user_id=grace.pk)
    await told(client, lambda update: update["roomId"] == str(private.pk))
    await eventually(lambda: grace.pk in current_room_updates().members_of(private.pk))

    await post(ada, private, "welcome")

    assert (await told(client, lambda update: update["version"] == 2))["unread"] == 2
    await disconnect_all(client)


async def test_a_direct_conversation_shows_up_at_the_other(ada, grace):
    client = await sign_in(grace)

    room = await run_in_db(actions.open_direct_room, ada, other_id=grace.pk)

    assert (await told(client, lambda update: True))["roomId"] == str(room.pk)
    await disconnect_all(client)


async def test_who_was_removed_hears_nothing_more(ada, grace, general):
    client, witness = await sign_in(grace), await sign_in(ada)
    await run_in_db(actions.remove_member, ada, room_id=general.pk, user_id=grace.pk)
    await eventually(lambda: grace.pk not in current_room_updates().members_of(general.pk))
    assert await client.no_event() or [await client.event("room-updated")]

    await post(ada, general, "without grace")

    await told(witness, lambda update: update["version"] == 2)
    client.events.clear()
    assert await client.no_event()
    await disconnect_all(client, witness)


async def test_who_is_no_member_hears_nothing(ada, grace, guest, general):
    client, witness = await sign_in(guest), await sign_in(grace)

    await post(ada, general, "for members")

    await told(witness, lambda update: update["version"] == 1)
    assert await client.no_event()
    await disconnect_all(client, witness)


async def test_rooms_of_those_who_have_gone_are_not_listened_to(ada, grace, general):
    client = await sign_in(grace)
    await client.disconnect()

    await eventually(lambda: not current_room_updates().members_of(general.pk))


async def test_a_database_that_is_away_delays_what_members_are_told(ada, grace, general, monkeypatch):
    from django.db import OperationalError

    client = await sign_in(grace)
    failures = iter([OperationalError("away"), OperationalError("away")])
    working = room_updates.read_standings

    def read(pairs):
        for error in failures:
            raise error
        return working(pairs)

    monkeypatch.setattr(room_updates, "read_standings", read)
    await post(ada, general, "one")

    assert (await told(client, lambda update: update["version"] == 1))["unread"] == 1
    await disconnect_all(client)


async def test_a_deleted_message_is_not_unread_any_more(ada, grace, general):
    client = await sign_in(grace)
    await post(ada, general, "one")
    await told(client, lambda update: update["unread"] == 1)
    message = await chat_model("Message").objects.aget()

    await run_in_db(actions.delete_message, ada, message_id=message.pk)

    assert (await told(client, lambda update: update["version"] == 2))["unread"] == 0
    await disconnect_all(client)
