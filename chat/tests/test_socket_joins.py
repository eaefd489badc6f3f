"""Joining and leaving rooms over Socket.IO, and what was missed before."""

import asyncio

import pytest

from chat import actions
from chat.database import run_in_db
from chat.events import room_group
from chat.live import hub, room_feed
from chat.main_namespace import socket as chat_socket
from chat.models import Membership, Room
from chat.tests.posting import post
from chat.tests.socket_client import disconnect_all, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


async def test_joining_gives_the_room_and_its_version(ada, general):
    client = await sign_in(ada)

    answer = await client.emit("join-room", str(general.pk))

    assert answer["ok"] is True
    assert answer["room"]["id"] == str(general.pk)
    assert answer["version"] == general.version
    assert answer["online"] == [str(ada.pk)]
    await client.disconnect()


async def test_joining_a_public_room_makes_a_member(ada, general, django_user_model):
    linus = await django_user_model.objects.acreate(username="linus")
    client = await sign_in(linus)

    answer = await client.emit("join-room", general.pk)

    assert answer["version"] == 1  # the system message that says so
    assert await Membership.objects.filter(room=general, user=linus).aexists()
    await client.disconnect()


async def test_a_guest_joins_no_public_room(guest, general):
    client = await sign_in(guest)

    answer = await client.emit("join-room", general.pk)

    assert answer["error"]["code"] == "NOT_FOUND"
    assert not await Membership.objects.filter(user=guest).aexists()
    await client.disconnect()


@pytest.mark.parametrize("room_id", ["0", "999999", "x", "-1", "1.5", None, {}, [], True, "9" * 30])
async def test_a_room_that_is_not_there_cannot_be_joined(ada, room_id):
    client = await sign_in(ada)

    answer = await client.emit("join-room", room_id)

    assert (answer["ok"], answer["error"]["code"]) == (False, "NOT_FOUND")
    assert not [group for group in hub.current_hub().groups() if group.startswith("room.")]
    await client.disconnect()


async def test_a_private_room_looks_absent_to_others(grace, private):
    client = await sign_in(grace)

    answer = await client.emit("join-room", private.pk)

    assert answer["error"]["code"] == "NOT_FOUND"
    await client.disconnect()


@pytest.mark.parametrize(
    "arguments", [[], [1, {"since": "1"}], [1, {"since": -1}], [1, {"since": True}], [1, "since"], [1, {}, 3]]
)
async def test_joining_with_the_wrong_arguments_is_refused(ada, general, arguments):
    client = await sign_in(ada)

    answer = await client.emit("join-room", *arguments)

    assert answer["error"]["code"] == "BAD_USER_INPUT"
    await client.disconnect()


async def test_since_replays_what_was_missed_in_order_and_once(ada, grace, general):
    first = await post(ada, general, "first")
    await post(ada, general, "second")
    await post(ada, general, "third")
    await run_in_db(actions.edit_message, ada, message_id=first.pk, text="first, edited")
    client = await sign_in(grace)

    answer = await client.emit("join-room", general.pk, {"since": 1})

    assert answer["version"] == 4
    events = [await client.event() for _ in range(3)]
    assert [(name, message["text"], message["version"]) for name, message in events] == [
        ("new-message", "second", 2),
        ("new-message", "third", 3),
        ("message-updated", "first, edited", 4),
    ]
    assert await client.no_event()
    await client.disconnect()


async def test_a_long_absence_is_replayed_over_several_pages(ada, grace, general, monkeypatch):
    monkeypatch.setattr(room_feed, "PAGE_MESSAGES", 3)
    first = await post(ada, general, "0")
    for n in range(1, 10):
        await post(ada, general, str(n))
    await run_in_db(actions.edit_message, ada, message_id=first.pk, text="edited")
    client = await sign_in(grace)

    await client.emit("join-room", general.pk, {"since": 0})

    events = [await client.event() for _ in range(10)]
    assert [message["version"] for _, message in events] == list(range(2, 12))
    assert {name for name, _ in events} == {"new-message"}
    await client.disconnect()


async def test_what_is_posted_during_a_replay_arrives_exactly_once_in_order(ada, grace, general, monkeypatch):
    monkeypatch.setattr(room_feed, "PAGE_MESSAGES", 5)
    for n in range(20):
        await post(ada, general, f"before {n}")
    writer, reader = await sign_in(ada), await sign_in(grace)

    async def write() -> None:
        for n in range(30):
            await writer.emit("send-message", general.pk, f"during {n}")

    writing = asyncio.create_task(write())
    versions = []
    for since in (0, 7, 15):  # joining again replays again, from then on
        await reader.emit("join-room", general.pk, {"since": since})
        reader.events.clear()
    await reader.emit("join-room", general.pk, {"since": 0})
    await writing
    last = await reader.events_until(lambda event: event[1].get("version") == 50)
    versions = [event[1]["version"] for event in last if event[0] == "new-message"]

    start = versions.index(1)  # what came before the last replay belongs to the earlier joins
    assert versions[start:] == list(range(1, 51))
    assert await reader.no_event()
    await disconnect_all(writer, reader)


async def test_events_that_were_lost_are_read_from_the_database(ada, grace, general):
    client = await sign_in(grace)
    await client.emit("join-room", general.pk)
    here, group = hub.current_hub(), room_group(general.pk)
    entry = here._groups.pop(group)  # what arrives now is lost
    await post(ada, general, "lost")
    await post(ada, general, "lost too")
    await asyncio.sleep(0.1)
    here._groups[group] = entry
    assert await client.no_event()

    here.note_stored({group: 2})

    assert [(await client.event())[1]["text"] for _ in range(2)] == ["lost", "lost too"]
    await post(ada, general, "live again")
    assert (await client.event())[1]["version"] == 3
    await client.disconnect()


async def test_leaving_ends_the_feed_and_keeps_the_membership(ada, grace, general):
    client = await sign_in(grace)
    await client.emit("join-room", general.pk)

    assert await client.emit("leave-room", general.pk) == {"ok": True}

    await post(ada, general, "unseen")
    assert await client.no_event()
    assert await Membership.objects.filter(room=general, user=grace).aexists()
    await client.disconnect()


async def test_a_connection_has_only_so_many_rooms(ada, general, private, monkeypatch):
    monkeypatch.setattr(chat_socket, "ROOMS_MAX", 1)
    client = await sign_in(ada)
    await client.emit("join-room", general.pk)

    answer = await client.emit("join-room", private.pk)

    assert answer["error"]["code"] == "CONFLICT"
    assert (await client.emit("join-room", general.pk))["ok"]
    await client.emit("leave-room", general.pk)
    assert (await client.emit("join-room", private.pk))["ok"]
    await client.disconnect()


async def test_rooms_do_not_hear_each_other(ada, grace, general):
    other = await Room.objects.acreate(name="other", kind=Room.Kind.PUBLIC)
    client = await sign_in(grace)
    await client.emit("join-room", other.pk)

    await post(ada, general, "elsewhere")

    assert await client.no_event()
    await client.disconnect()
