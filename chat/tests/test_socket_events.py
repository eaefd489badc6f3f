"""Typing, presence and the events of others over Socket.IO, and what is refused."""

import pytest

from chat.errors import Conflict
from chat.main_namespace import handlers
from chat.main_namespace import socket as chat_socket
from chat.main_namespace.namespace import chat_namespace, register_event
from chat.sockets.namespaces import Namespace
from chat.tests.socket_client import disconnect_all, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


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

    closed = await slow.wire.receive_output(60)

    assert (closed["type"], closed["code"]) == ("websocket.close", 1013)
    await writer.disconnect()
