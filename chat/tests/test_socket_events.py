"""What each Socket.IO event does, who sees it, and what is refused."""

import asyncio

import pytest
from django.conf import settings

from chat import actions
from chat.access import sweeps
from chat.database import run_in_db
from chat.errors import Conflict
from chat.events import room_group
from chat.live import hub, room_feed
from chat.live.presence import Presence
from chat.main_namespace import handlers
from chat.main_namespace import socket as chat_socket
from chat.main_namespace.namespace import chat_namespace, register_event
from chat.models import Membership, Message, Room
from chat.sockets.namespaces import Namespace
from chat.tests.socket_client import disconnect_all, sign_in
from chat.tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


async def post(user, room, text: str) -> Message:
    return await run_in_db(actions.post_message, user, room_id=room.pk, text=text)


@pytest.fixture
def quick_sweeps(monkeypatch):
    monkeypatch.setattr(sweeps, "SWEEP_INTERVAL_S", 0.1)


# ------------------------------------------------------------------------------------------------ joining


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


async def test_a_removed_member_loses_the_feed(ada, grace, private, quick_sweeps):
    await Membership.objects.acreate(room=private, user=grace)
    client = await sign_in(grace)
    await client.emit("join-room", private.pk)

    await Membership.objects.filter(user=grace).adelete()

    assert await client.event("room-lost") == ["room-lost", {"roomId": str(private.pk)}]
    await post(ada, private, "secret")
    assert await client.no_event()
    await client.disconnect()


async def test_access_lost_while_a_room_is_joined_gives_no_feed(
    ada, grace, private, quick_sweeps, monkeypatch
):
    """The member is removed after access was checked, while the handler still asks who is there."""
    await Membership.objects.acreate(room=private, user=grace)
    users_in = Presence.users_in

    async def slowly(presence: Presence, room_id: int) -> list[int]:
        if room_id == private.pk:
            await Membership.objects.filter(user=grace).adelete()
            await eventually(lambda: lost)
        return await users_in(presence, room_id)

    lost: list[int] = []
    lose_room = chat_socket.ChatSocket.lose_room

    def noted(socket: chat_socket.ChatSocket, room_id: int) -> None:
        lost.append(room_id)
        lose_room(socket, room_id)

    monkeypatch.setattr(Presence, "users_in", slowly)
    monkeypatch.setattr(chat_socket.ChatSocket, "lose_room", noted)
    client = await sign_in(grace)

    answer = await client.emit("join-room", private.pk, {"since": 0})

    assert answer["error"]["code"] == "NOT_FOUND"
    await post(ada, private, "secret")
    assert await client.event("room-lost") == ["room-lost", {"roomId": str(private.pk)}]
    assert await client.no_event()
    await client.disconnect()


async def test_a_lost_room_is_silent_at_once_however_long_others_take(
    ada, grace, private, quick_sweeps, monkeypatch
):
    await Membership.objects.acreate(room=private, user=grace)
    client = await sign_in(grace)
    await client.emit("join-room", private.pk)
    await client.emit("typing", private.pk, True)
    gate = asyncio.Event()

    async def stuck(event) -> None:
        await gate.wait()

    monkeypatch.setattr(chat_socket, "publish", stuck)  # a publisher that waits for Redis
    await Membership.objects.filter(user=grace).adelete()

    assert await client.event("room-lost") == ["room-lost", {"roomId": str(private.pk)}]
    await post(ada, private, "secret")
    assert await client.no_event()
    gate.set()
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


# ----------------------------------------------------------------------------------------------- messages


async def test_a_message_reaches_everybody_in_the_room_and_is_acknowledged(ada, grace, general):
    writer, reader = await sign_in(ada), await sign_in(grace)
    await writer.emit("join-room", general.pk)
    await reader.emit("join-room", general.pk)

    answer = await writer.emit("send-message", general.pk, "hello *all*")

    message = answer["message"]
    assert answer == {"ok": True, "message": message}
    assert (message["text"], message["version"], message["roomId"]) == ("hello *all*", 1, str(general.pk))
    assert message["author"] == {
        "id": str(ada.pk),
        "username": "ada",
        "displayName": "Ada",
        "isBot": False,
    }
    assert await reader.event("new-message") == ["new-message", message]
    assert await writer.event("new-message") == ["new-message", message]
    stored = await Message.objects.aget()
    assert (str(stored.pk), stored.text) == (message["id"], "hello *all*")
    await disconnect_all(writer, reader)


async def test_a_repeated_client_id_stores_one_message(ada, general):
    client = await sign_in(ada)
    await client.emit("join-room", general.pk)

    first = await client.emit("send-message", general.pk, {"text": "once", "clientId": "a-1"})
    again = await client.emit("send-message", general.pk, {"text": "once", "clientId": "a-1"})

    assert first == again
    assert first["message"]["clientId"] == "a-1"
    assert await Message.objects.acount() == 1
    await client.event("new-message")
    assert await client.no_event()
    await client.disconnect()


async def test_messages_keep_the_order_in_which_a_client_sent_them(ada, general):
    client = await sign_in(ada)
    texts = [f"number {n}" + " and more" * (200 if n % 7 == 0 else 0) for n in range(40)]

    for n, text in enumerate(texts):
        await client.send(f'42{n}["send-message","{general.pk}","{text}"]')
    for _ in texts:
        await client.receive()

    stored = [message.text async for message in Message.objects.order_by("version")]
    assert stored == texts
    await client.disconnect()


async def test_a_reply_names_its_parent(ada, general):
    parent = await post(ada, general, "question")
    client = await sign_in(ada)

    answer = await client.emit("send-message", general.pk, {"text": "reply", "parentId": str(parent.pk)})

    assert answer["message"]["parentId"] == str(parent.pk)
    await client.disconnect()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "BAD_USER_INPUT"),
        ("   ", "BAD_USER_INPUT"),
        (None, "BAD_USER_INPUT"),
        (5, "BAD_USER_INPUT"),
        ([], "BAD_USER_INPUT"),
        ({}, "BAD_USER_INPUT"),
        ({"text": 5}, "BAD_USER_INPUT"),
        ({"text": "a", "clientId": 5}, "BAD_USER_INPUT"),
        ({"text": "a", "clientId": "x" * 65}, "BAD_USER_INPUT"),
        ({"text": "a", "parentId": "999999"}, "NOT_FOUND"),
        ({"text": "a", "attachmentIds": ["1"]}, "NOT_FOUND"),
        ({"text": "a", "attachmentIds": "1"}, "BAD_USER_INPUT"),
        ({"text": "", "attachmentIds": []}, "BAD_USER_INPUT"),
        ("x" * (settings.MESSAGE_MAX_CHARACTERS + 1), "PAYLOAD_TOO_LARGE"),
    ],
)
async def test_a_message_that_is_refused_changes_nothing(ada, grace, general, content, code):
    writer, reader = await sign_in(ada), await sign_in(grace)
    await reader.emit("join-room", general.pk)

    answer = await writer.emit("send-message", general.pk, content)

    assert (answer["ok"], answer["error"]["code"]) == (False, code)
    assert answer["error"]["message"]
    assert await Message.objects.acount() == 0
    assert await reader.no_event(0.05)
    await disconnect_all(writer, reader)


async def test_nobody_posts_in_a_room_that_is_not_theirs(grace, guest, private, general):
    client, outsider = await sign_in(grace), await sign_in(guest)

    assert (await client.emit("send-message", private.pk, "hi"))["error"]["code"] == "NOT_FOUND"
    assert (await client.emit("send-message", "999999", "hi"))["error"]["code"] == "NOT_FOUND"
    assert (await outsider.emit("send-message", general.pk, "hi"))["error"]["code"] == "NOT_FOUND"

    assert await Message.objects.acount() == 0
    await disconnect_all(client, outsider)


async def test_an_edit_and_a_deletion_are_announced(ada, grace, general):
    message = await post(ada, general, "tpyo")
    writer, reader = await sign_in(ada), await sign_in(grace)
    await reader.emit("join-room", general.pk)

    edited = await writer.emit("edit-message", str(message.pk), "typo")
    deleted = await writer.emit("delete-message", str(message.pk))

    assert (edited["message"]["text"], edited["message"]["version"]) == ("typo", 2)
    assert (deleted["message"]["text"], deleted["message"]["version"]) == ("", 3)
    assert await reader.event() == ["message-updated", edited["message"]]
    assert await reader.event() == ["message-updated", deleted["message"]]
    await disconnect_all(writer, reader)


async def test_nobody_edits_the_message_of_somebody_else(ada, grace, general):
    message = await post(ada, general, "mine")
    client = await sign_in(grace)

    assert (await client.emit("edit-message", str(message.pk), "yours"))["error"]["code"] == "FORBIDDEN"
    assert (await client.emit("delete-message", str(message.pk)))["error"]["code"] == "FORBIDDEN"
    assert (await client.emit("edit-message", "999999", "x"))["error"]["code"] == "NOT_FOUND"

    assert (await Message.objects.aget()).text == "mine"
    await client.disconnect()


async def test_reading_counts_what_remains(ada, grace, general):
    for text in ("a", "b", "c"):
        await post(ada, general, text)
    client = await sign_in(grace)

    assert await client.emit("mark-read", general.pk, 2) == {"ok": True, "unread": 1}

    for version in (99, -1, "2", None, 2.5, 2**63):
        answer = await client.emit("mark-read", general.pk, version)
        assert answer["error"]["code"] == "BAD_USER_INPUT"
    await client.disconnect()


# ------------------------------------------------------------------------------------ typing and presence


async def test_typing_is_shown_to_the_others_and_expires(ada, grace, general, monkeypatch):
    monkeypatch.setattr(chat_socket, "TYPING_LASTS_S", 0.5)
    writer, reader = await sign_in(ada), await sign_in(grace)
    await writer.emit("join-room", general.pk)
    await reader.emit("join-room", general.pk)

    for _ in range(2):
        await writer.send(f'42["typing","{general.pk}",true]')

    shown = {"roomId": str(general.pk), "userId": str(ada.pk), "typing": True}
    events = await reader.events_until(lambda event: event[0] == "typing" and not event[1]["typing"])
    # The announcement that the writer is here comes at a time of its own.
    assert [event for event in events if event[0] == "typing"] == [
        ["typing", shown],
        ["typing", {**shown, "typing": False}],
    ]
    assert [event for event in writer.events if event[0] == "typing"] == []
    await disconnect_all(writer, reader)


async def test_a_writer_who_goes_stops_typing(ada, grace, general):
    writer, reader = await sign_in(ada), await sign_in(grace)
    await writer.emit("join-room", general.pk)
    await reader.emit("join-room", general.pk)
    await writer.send(f'42["typing","{general.pk}",true]')
    await reader.event("typing")

    await writer.disconnect()

    assert (await reader.event("typing"))[1]["typing"] is False
    await reader.disconnect()


@pytest.mark.parametrize(
    ("joined", "value", "code"), [(False, True, "FORBIDDEN"), (True, "yes", "BAD_USER_INPUT")]
)
async def test_typing_is_refused_elsewhere_or_with_another_value(ada, general, joined, value, code):
    client = await sign_in(ada)
    if joined:
        await client.emit("join-room", general.pk)

    assert (await client.emit("typing", general.pk, value))["error"]["code"] == code
    await client.disconnect()


async def test_first_and_last_connection_of_a_user_are_announced_to_the_others(ada, grace, general):
    watcher = await sign_in(ada)
    await watcher.emit("join-room", general.pk)

    one, two = await sign_in(grace), await sign_in(grace)
    await one.emit("join-room", general.pk)
    answer = await two.emit("join-room", general.pk)
    assert answer["online"] == [str(ada.pk), str(grace.pk)]

    assert await watcher.event() == ["user-joined", str(grace.pk), {"roomId": str(general.pk)}]
    await one.disconnect()
    assert await watcher.no_event()
    await two.emit("leave-room", general.pk)
    assert await watcher.event() == ["user-left", str(grace.pk), {"roomId": str(general.pk)}]
    assert [event for event in two.events if event[1] == str(grace.pk)] == []
    await disconnect_all(watcher, two)


# ------------------------------------------------------------------------------------------- other events


@pytest.mark.parametrize("event", ["no-such-event", 5])
async def test_an_unknown_event_is_refused_in_its_ack(ada, event):
    client = await sign_in(ada)

    answer = await client.emit(event, 1)

    assert (answer["ok"], answer["error"]["code"]) == (False, "BAD_USER_INPUT")
    await client.send('42["no-such-event"]')  # without an ack there is nothing to say
    assert (await client.emit("leave-room", 1))["ok"]
    await client.disconnect()


async def test_a_binary_argument_is_refused_in_its_ack(ada, general):
    client = await sign_in(ada)

    await client.send(f'451-3["send-message","{general.pk}",{{"_placeholder":true,"num":0}}]')
    await client.send(b"\x00\x01")

    assert (await client.receive()).startswith('433[{"ok":false,"error":{"code":"BAD_USER_INPUT"')
    await client.disconnect()


async def test_an_app_can_add_its_own_event(ada, monkeypatch):
    async def stop(socket, message_id):
        if message_id == "7":
            raise Conflict("There is nothing to stop.")
        if message_id == "8":
            raise ZeroDivisionError
        return {"by": socket.user.username}

    monkeypatch.setattr(chat_namespace, "_handlers", {})
    register_event("stop-answer", stop)
    client = await sign_in(ada)

    assert await client.emit("stop-answer", "6") == {"ok": True, "by": "ada"}
    assert (await client.emit("stop-answer", "7"))["error"]["code"] == "CONFLICT"
    assert (await client.emit("stop-answer"))["error"]["code"] == "BAD_USER_INPUT"
    await client.disconnect()


async def test_a_bug_shows_the_client_nothing_but_its_number(ada, monkeypatch, caplog):
    async def fail(socket):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(chat_namespace, "_handlers", {})
    register_event("fail", fail)
    client = await sign_in(ada)

    error = (await client.emit("fail"))["error"]

    assert error["code"] == "INTERNAL"
    assert "secret" not in error["message"]
    number = error["message"].partition("(error ")[2].rstrip(").")
    assert f"error {number}" in caplog.text and "secret detail" in caplog.text
    await client.disconnect()


def test_an_event_is_registered_once():
    namespace: Namespace[chat_socket.ChatSocket] = Namespace()
    namespace.register("a", handlers.leave_room)

    with pytest.raises(ValueError, match="registered already"):
        namespace.register("a", handlers.leave_room)


# --------------------------------------------------------------------------------------------- slow reader


async def test_a_slow_reader_is_dropped_and_costs_the_others_nothing(ada, grace, general, monkeypatch):
    monkeypatch.setattr("chat.sockets.engine.OUTBOX_MAX_PACKETS", 20)
    writer, slow = await sign_in(ada), await sign_in(grace)
    await slow.emit("join-room", general.pk)
    slow.reads.clear()
    for n in range(30):
        await writer.emit("send-message", general.pk, f"flood {n}")

    closed = await slow.wire.receive_output(5)

    assert (closed["type"], closed["code"]) == ("websocket.close", 1013)
    await writer.disconnect()


async def test_rooms_do_not_hear_each_other(ada, grace, general):
    other = await Room.objects.acreate(name="other", kind=Room.Kind.PUBLIC)
    client = await sign_in(grace)
    await client.emit("join-room", other.pk)

    await post(ada, general, "elsewhere")

    assert await client.no_event()
    await client.disconnect()
