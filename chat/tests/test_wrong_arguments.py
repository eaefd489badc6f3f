"""Every event with rubbish for arguments: a coded refusal each time, and nobody's connection suffers."""

import random
from typing import Any

import pytest

from chat.models import Membership, Room
from chat.routing import NAMESPACES
from chat.tests.socket_client import WireClient, disconnect_all, sign_in

pytestmark = pytest.mark.django_db(transaction=True)
EVENTS = sorted(NAMESPACES["/"]._handlers)
SENSIBLE = {"NOT_FOUND", "BAD_USER_INPUT", "FORBIDDEN", "UNAUTHENTICATED", "CONFLICT", "PAYLOAD_TOO_LARGE"}
RUBBISH: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 1e308, 2**53, 2**63, 2**64 - 1),
    *("", " ", "x", "-1", "0x1", "1e3", "١", "9" * 400, "a\x00b", "' or 1=1 --", "__proto__", "y" * 30_000),
    *([], [1], [[[[]]]], {}, {"since": "1"}, {"text": 1}, {"text": None}, {"id": 1}, {"token": {}}, {"": ""}),
    {"text": "x", "clientId": ["x"]},
    {"text": "x", "clientId": "c" * 5000},
    {"text": "x", "parentId": {"$ne": 1}},
    {"text": "x", "attachmentIds": [1]},
    {"_placeholder": True, "num": 10**9},
]


async def joined(user, room) -> WireClient:
    client = await sign_in(user)
    assert (await client.emit("join-room", room.pk))["ok"]
    return client


async def hears(neighbour, client, room, text) -> bool:
    """Whether the client can still post, and the neighbour still hears of it."""
    assert (await client.emit("send-message", room.pk, text))["ok"]
    while (await neighbour.event("new-message"))[1]["text"] != text:
        pass
    return True


def arbitrary(source: random.Random, depth: int = 0):
    """A value of JSON, mostly small."""
    if depth < 4 and source.random() < 0.4:
        size = source.randrange(4)
        if source.random() < 0.5:
            return [arbitrary(source, depth + 1) for _ in range(size)]
        keys = ("text", "since", "clientId", "parentId", "token", "id", "")
        return {source.choice(keys): arbitrary(source, depth + 1) for _ in range(size)}
    return source.choice(RUBBISH[:22])


@pytest.mark.parametrize("event", EVENTS)
async def test_rubbish_for_the_first_argument_is_refused_with_a_code(ada, grace, general, event):
    neighbour, client = await joined(grace, general), await joined(ada, general)
    _, _, allowed, _ = NAMESPACES["/"]._handlers[event]

    for value in RUBBISH:
        rest = [value] * (allowed - 1)
        answer = await client.emit(event, value, *rest)
        if event == "leave-room" and value in (0, 2**53):
            continue  # numbers of rooms that one is not in: left already
        assert answer["ok"] is False, (value, answer)
        assert answer["error"]["code"] in SENSIBLE, (value, answer)
        assert answer["error"]["message"]

    assert await hears(neighbour, client, general, "still here")
    assert await Room.objects.acount() == 1 and await Membership.objects.acount() == 2
    await disconnect_all(neighbour, client)


@pytest.mark.parametrize("event", EVENTS)
async def test_rubbish_after_a_room_or_message_that_is_there_never_fails_on_the_server(
    ada, grace, general, event
):
    neighbour, client = await joined(grace, general), await joined(ada, general)
    message = (await client.emit("send-message", general.pk, "mine"))["message"]

    for number in (str(general.pk), message["id"]):
        for value in RUBBISH:
            answer = await client.emit(event, number, value)
            assert answer["ok"] or answer["error"]["code"] in SENSIBLE, (value, answer)
            if answer["ok"] and event in ("edit-message", "send-message"):
                assert isinstance(value, str) or isinstance(value, dict), (value, answer)

    assert (await client.emit("join-room", general.pk))["ok"]
    assert await hears(neighbour, client, general, "still here")
    await disconnect_all(neighbour, client)


@pytest.mark.parametrize("event", EVENTS)
async def test_too_few_and_too_many_arguments_are_refused(ada, general, event):
    client = await joined(ada, general)
    _, required, allowed, _ = NAMESPACES["/"]._handlers[event]
    wrong = {*range(required), allowed + 1, allowed + 2, 100, 1000}

    for count in wrong:
        answer = await client.emit(event, *[str(general.pk)] * count)
        assert answer["error"]["code"] == "BAD_USER_INPUT"
        assert answer["error"]["fields"] == {"arguments": f"there were {count}"}

    assert (await client.emit("send-message", general.pk, "still here"))["ok"]
    await client.disconnect()


@pytest.mark.parametrize("seed", range(5))
async def test_arbitrary_events_never_fail_on_the_server(ada, grace, general, seed):
    source = random.Random(seed)
    neighbour, client = await joined(grace, general), await joined(ada, general)

    for _ in range(150):
        event = source.choice([*EVENTS, "x", "", "constructor", 0, 2**31])
        arguments = [arbitrary(source) for _ in range(source.randrange(4))]
        answer = await client.emit(event, *arguments)
        assert answer["ok"] or answer["error"]["code"] in SENSIBLE, (event, arguments, answer)

    assert await hears(neighbour, client, general, "still here")
    await disconnect_all(neighbour, client)


@pytest.mark.parametrize(
    ("event", "arguments", "takes"),
    [
        ("edit-message", ["1"], "2 arguments"),
        ("join-room", [], "1 to 2 arguments"),
        ("leave-room", [], "1 argument"),
    ],
)
async def test_how_many_arguments_an_event_takes_is_told(ada, event, arguments, takes):
    client = await sign_in(ada)
    answer = await client.emit(event, *arguments)
    assert answer["error"]["message"] == f"The event {event} takes {takes}."
    await client.disconnect()


@pytest.mark.parametrize(
    "auth",
    [None, {}, {"token": 1}, {"token": []}, {"token": "x" * 5000}, {"token": "a.b.c"}, {"x": {"y": []}}],
)
async def test_rubbish_for_credentials_is_refused_with_a_code(auth):
    client = await WireClient().open()

    answer = await client.connect(auth)

    assert answer.startswith("44{") and '"code":"UNAUTHENTICATED"' in answer
    await client.disconnect()
