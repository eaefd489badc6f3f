"""Messages over Socket.IO: posting, editing, deleting, reading."""

import pytest
from django.conf import settings

from chat.models import Message
from chat.tests.posting import post
from chat.tests.socket_client import disconnect_all, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


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
