"""What a client meets that does too much: coded refusals, then the end of its connection. Others notice nothing."""

import asyncio

import orjson
import pytest
from django.urls import reverse

from chat import actions
from chat.access import authentication
from chat.counters import counters
from chat.limiting import strangers
from chat.main_namespace.namespace import chat_namespace
from chat.models import Message, Reaction
from chat.sockets import connection, engine
from chat.sockets.connection import Connection
from chat.sockets.namespaces import Namespace, Socket
from chat.tests.polling_client import HANDSHAKE, PollingClient
from chat.tests.socket_client import WireClient, access_token, disconnect_all, sign_in

pytestmark = pytest.mark.django_db(transaction=True)
HERE, THERE = "192.0.2.1", "192.0.2.2"
SLOW = 0.001  # per second: nothing comes back within a test


async def joined(user, room) -> WireClient:
    client = await sign_in(user)
    assert (await client.emit("join-room", room.pk))["ok"]
    return client


def code_of(answer) -> str | None:
    return answer["error"]["code"] if "error" in answer else None


# ------------------------------------------------------------------------------------------------- events


async def test_messages_beyond_the_burst_are_refused_and_the_others_stored_in_order(ada, general, limited):
    limited("messages", user=(SLOW, 3))
    client = await sign_in(ada)

    for number in range(5):
        await client.send(f'42{number}["send-message",{general.pk},"m{number}"]')
    acks = [await client.receive() for _ in range(5)]

    answers = {frame[2]: orjson.loads(frame[3:])[0] for frame in acks}
    assert {n: code_of(answer) for n, answer in answers.items()} == {
        **dict.fromkeys("012"),
        **dict.fromkeys("34", "RATE_LIMITED"),
    }
    assert answers["3"]["error"]["retryAfter"] > 1
    texts = Message.objects.filter(room=general).order_by("version").values_list("text", flat=True)
    assert [text async for text in texts] == ["m0", "m1", "m2"]
    await client.disconnect()


async def test_after_the_time_that_a_refusal_names_a_message_passes(ada, general, limited):
    limited("messages", user=(5, 1))
    client = await sign_in(ada)
    await client.emit("send-message", general.pk, "one")

    refused = await client.emit("send-message", general.pk, "two")
    await asyncio.sleep(refused["error"]["retryAfter"])

    assert (await client.emit("send-message", general.pk, "two"))["ok"]
    await client.disconnect()


async def test_every_connection_of_a_user_counts(ada, grace, general, limited):
    limited("messages", user=(SLOW, 2))
    one, other, neighbour = await sign_in(ada), await sign_in(ada), await sign_in(grace)

    assert (await one.emit("send-message", general.pk, "1"))["ok"]
    assert (await other.emit("send-message", general.pk, "2"))["ok"]

    before = counters.rate_limited
    assert code_of(await one.emit("send-message", general.pk, "3")) == "RATE_LIMITED"
    assert code_of(await other.emit("send-message", general.pk, "3")) == "RATE_LIMITED"
    assert (await neighbour.emit("send-message", general.pk, "3"))["ok"]
    assert counters.rate_limited == before + 2
    await disconnect_all(one, other, neighbour)


def test_a_page_posts_from_the_same_allowance_and_keeps_what_was_typed(client, ada, general, limited):
    limited("messages", user=(SLOW, 1))
    client.force_login(ada)
    post = reverse("post-message", args=[general.pk])
    assert client.post(post, {"text": "first"}).status_code == 302
    before = counters.rate_limited

    refused = client.post(post, {"text": "my second thought"})

    assert refused.status_code == 429
    assert counters.rate_limited == before + 1
    assert "my second thought" in refused.content.decode()
    assert "Too many messages at once" in refused.content.decode()
    assert Message.objects.filter(room=general).count() == 1


@pytest.mark.parametrize(
    ("page", "form"),
    [
        ("edit-message", {"text": "changed"}),
        ("edit-message", {"delete": "1"}),
        ("react", {"react": "🔥"}),
        ("react", {"unreact": "🎉"}),
    ],
)
@pytest.mark.parametrize("whose", ["user", "address"])
def test_changes_by_a_form_count_with_those_by_socket(client, ada, general, limited, page, form, whose):
    limited("changes", **{whose: (SLOW, 1)})
    message = actions.post_message(ada, room_id=general.pk, text="first")
    client.force_login(ada)
    react = reverse("react", args=[message.pk])
    assert client.post(react, {"react": "🎉"}, REMOTE_ADDR=HERE).status_code == 302

    refused = client.post(reverse(page, args=[message.pk]), form, REMOTE_ADDR=HERE)

    assert refused.status_code == 429
    assert "Too many changes at once" in refused.content.decode()
    message.refresh_from_db()
    assert (message.text, message.deleted_at) == ("first", None)
    assert [reaction.emoji for reaction in Reaction.objects.filter(message=message)] == ["🎉"]


@pytest.mark.parametrize(
    ("event", "limit"),
    [
        ("send-message", "messages"),
        ("edit-message", "changes"),
        ("delete-message", "changes"),
        ("react", "changes"),
        ("unreact", "changes"),
        ("join-room", "joins"),
        ("leave-room", "joins"),
        ("mark-read", "reads"),
        ("typing", "typing"),
        ("renew-token", "connects"),
        ("stop-answer", "changes"),
        ("no-such-event", "changes"),
        (7, "changes"),
    ],
)
async def test_every_event_has_a_limit_whatever_its_arguments(ada, limited, event, limit):
    limited(limit, user=(SLOW, 1))
    client = await sign_in(ada)  # which is the one of "connects"

    answers = [await client.emit(event) for _ in range(2)]

    refused = [code_of(answer) == "RATE_LIMITED" for answer in answers]
    assert refused == [limit == "connects", True]
    await client.disconnect()


def test_the_table_above_knows_every_event():
    [table] = test_every_event_has_a_limit_whatever_its_arguments.pytestmark
    assert set(chat_namespace._handlers) == {event for event, _ in table.args[1]} - {"no-such-event", 7}


async def test_with_limits_off_nothing_is_refused(ada, general, limited, settings):
    limited("messages", user=(SLOW, 1))
    settings.RATE_LIMITS = False
    client = await sign_in(ada)

    answers = [await client.emit("send-message", general.pk, "again") for _ in range(5)]

    assert all(answer["ok"] for answer in answers)
    await client.disconnect()


# ---------------------------------------------------------------------------------------------- connecting


async def test_connects_of_an_address_are_refused_before_the_database_is_asked(ada, limited, monkeypatch):
    asked = []

    async def counting(tokens):
        asked.extend(tokens)
        return await authentication.callers_from_tokens_soon(tokens)

    monkeypatch.setattr("chat.access.token_checks.callers_from_tokens_soon", counting)
    limited("connects", address=(SLOW, 2))
    token = await access_token(ada)
    clients = [await WireClient(address=HERE).open() for _ in range(4)]
    elsewhere = await WireClient(address=THERE).open()

    answers = [await client.connect({"token": "rubbish"}) for client in clients[:2]]
    for client in clients[2:]:
        await client.send('40{"token":"rubbish"}')

    assert all('"code":"UNAUTHENTICATED"' in answer for answer in answers)
    # Without a word: a stock client takes a refusal for the last one, and comes back after a lost connection.
    assert [await client.closed() for client in clients[2:]] == [[], []]
    assert len(asked) == 2
    assert (await elsewhere.connect({"token": token})).startswith('40{"sid"')
    await disconnect_all(*clients[:2], elsewhere)


async def test_a_user_who_connects_too_often_is_cut_off_and_may_come_back(ada, limited):
    limited("connects", user=(1, 1))
    token = await access_token(ada)
    first, second = [await WireClient().open() for _ in range(2)]
    assert (await first.connect({"token": token})).startswith("40")

    await second.send(f'40{{"token":"{token}"}}')
    assert await second.closed() == []
    await asyncio.sleep(1.1)

    third = await WireClient().open()
    assert (await third.connect({"token": token})).startswith("40")
    await disconnect_all(first, third)


async def test_handshakes_of_an_address_are_refused_as_stock_clients_retry_them(limited):
    limited("handshakes", address=(SLOW, 2))
    first = await WireClient(address=HERE).open()
    await PollingClient(address=HERE).open()

    assert not await WireClient(address=HERE).accepted()
    refused = await PollingClient(address=HERE).request("GET", HANDSHAKE)
    assert (refused.status, orjson.loads(refused.text)["code"]) == (429, "RATE_LIMITED")
    assert orjson.loads(refused.text)["retryAfter"] > 1
    elsewhere = await WireClient(address=THERE).open()
    await disconnect_all(first, elsewhere)


async def test_an_address_has_only_so_many_connections_that_do_not_sign_in(ada, limited, monkeypatch):
    monkeypatch.setattr(strangers, "STRANGERS_MAX", 2)
    known = await WireClient(address=HERE).open()
    assert (await known.connect({"token": await access_token(ada)})).startswith("40")
    waiting = [await WireClient(address=HERE).open() for _ in range(2)]

    assert not await WireClient(address=HERE).accepted()
    await waiting[0].disconnect()
    another = await WireClient(address=HERE).open()

    await disconnect_all(known, waiting[1], another)
    assert strangers.current_strangers().count(HERE) == 0


async def test_a_user_has_only_so_many_connections(ada, grace, limited, settings):
    settings.SOCKET_MAX_CONNECTIONS_PER_USER = 2
    clients = [await sign_in(ada), await sign_in(ada)]
    token = await access_token(ada)

    one_more = await WireClient().open()
    problem = orjson.loads((await one_more.connect({"token": token}))[2:])
    neighbour = await sign_in(grace)

    assert problem["data"]["code"] == "RATE_LIMITED" and problem["data"]["retryAfter"] > 0
    assert problem["message"] == "You have 2 connections. Close some of them first."
    await clients[0].disconnect()
    assert (await one_more.connect({"token": token})).startswith('40{"sid"')
    await disconnect_all(clients[1], one_more, neighbour)


# --------------------------------------------------------------------------------------------------- ended


async def test_who_goes_on_after_refusals_is_cut_off_and_others_notice_nothing(
    ada, grace, general, limited, monkeypatch
):
    monkeypatch.setattr(connection, "REFUSALS_BURST", 4)
    limited("messages", user=(SLOW, 1))
    neighbour, flooder = await joined(grace, general), await sign_in(ada)

    for number in range(20):
        await flooder.send(f'42["send-message",{general.pk},"m{number}"]')

    assert (await flooder.closed())[
        -1
    ] == "41"  # told by a packet: a stock client does not come back by itself
    assert (await neighbour.event("new-message"))[1]["text"] == "m0"
    assert (await neighbour.emit("send-message", general.pk, "still here"))["ok"]
    assert (await neighbour.event("new-message"))[1]["text"] == "still here"
    await neighbour.disconnect()


@pytest.mark.parametrize("frame", ["3", '43999["ack"]', '42["x"]', "40/nowhere,", b"\x00"])
async def test_a_flood_of_packets_of_any_kind_ends_the_session(ada, limited, monkeypatch, frame):
    monkeypatch.setattr(engine, "PACKETS_BURST", 50)
    client = await sign_in(ada)

    for _ in range(200):
        await client.send(frame)

    await client.closed()


async def test_large_packets_count_for_more(ada, limited, monkeypatch):
    monkeypatch.setattr(engine, "PACKETS_BURST", 50)
    client = await sign_in(ada)
    assert code_of(await client.emit("x", "y" * 100_000)) == "BAD_USER_INPUT"

    await client.send(f'42["x","{"y" * 150_000}"]')

    await client.closed()


# ----------------------------------------------------------------------------------------------- the inbox


class SlowNamespace(Namespace[Socket]):
    """Handles one event at a time, when the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Semaphore(0)
        self.register("slow", self._slow)

    async def connect(self, connection, auth) -> Socket:
        return Socket(connection, "/")

    async def _slow(self, socket, text) -> None:
        await self.go.acquire()


async def connected(namespace) -> Connection:
    connection = Connection({"/": namespace}, {"headers": [], "query_string": b""})
    connection.session.on_message("0")
    assert connection._worker is not None
    await asyncio.wait([connection._worker])
    return connection


@pytest.mark.parametrize(("size", "fitting"), [(10, 64), (60_000, 5), (900_000, 1)])
async def test_a_transport_stops_reading_when_the_inbox_is_full_of_packets_or_bytes(size, fitting):
    namespace = SlowNamespace()
    connection = await connected(namespace)

    connection.session.on_message(f'2["slow","{"x" * size}"]')
    await asyncio.sleep(0)  # the first is being handled, and is in the inbox no more
    taken = 0
    while not connection._inbox.is_full:
        await asyncio.wait_for(connection.settled(), 60)
        connection.session.on_message(f'2["slow","{"x" * size}"]')
        taken += 1

    assert taken == fitting
    reading = asyncio.ensure_future(connection.settled())
    await asyncio.sleep(0.01)
    assert not reading.done()
    for _ in range(fitting + 1):
        namespace.go.release()
    await asyncio.wait_for(reading, 60)
    connection.session.close("the test is over")
    await connection.ended


async def test_attachments_count_for_the_packet_that_they_belong_to():
    namespace = SlowNamespace()
    connection = await connected(namespace)
    connection.session.on_message('51-["slow",{"_placeholder":true,"num":0}]')
    connection.session.on_message(b"x" * 300_000)
    connection.session.on_message('51-["slow",{"_placeholder":true,"num":0}]')
    await asyncio.sleep(0)
    connection.session.on_message(b"x" * 300_000)

    assert connection._inbox.is_full
    namespace.go.release()
    namespace.go.release()
    await asyncio.wait_for(connection.settled(), 60)
    connection.session.close("the test is over")
    await connection.ended


async def test_attachments_of_more_than_a_packet_may_have_end_the_session():
    connection = await connected(SlowNamespace())
    connection.session.on_message('59-["slow",{"_placeholder":true,"num":0}]')

    connection.session.on_message(b"x" * 600_000)
    assert not connection.session.closed
    connection.session.on_message(b"x" * 600_000)

    assert connection.session.reason == "parse error"
    await connection.ended


async def test_a_stranger_sends_no_large_packets():
    client = await WireClient().open()

    await client.send('40{"token":"' + "x" * 70_000 + '"}')

    await client.closed()
