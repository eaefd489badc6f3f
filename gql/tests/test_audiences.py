"""Subscribers who are written to together get what each would get alone: in order, once, paid for, and no longer than
they may."""

import asyncio

import pytest

from chat import actions
from chat.database import run_in_db
from chat.events import MessageDelta, Typing, publish
from chat.limiting import limits
from chat.live.hub import current_hub
from chat.models import Membership
from chat.tests.waiting import eventually
from gql import execution, executor
from gql.subscriptions import audience
from gql.subscriptions.audience import current_audiences
from gql.tests.raw_socket import RawSocket
from project.asgi import application

pytestmark = pytest.mark.django_db(transaction=True)

ADDED = """subscription($room: ID!, $since: Int) {
    messageAdded(roomId: $room, since: $since) { text version } }"""
EVENTS = """subscription($room: ID!, $since: Int) { roomEvents(roomId: $room, since: $since) { __typename
    ... on MessageAdded { message { text version } }
    ... on MessageUpdated { message { text version } }
    ... on MessageDelta { index text }
    ... on TypingChanged { typing user { username } }
    ... on PresenceChanged { presence user { username } } } }"""


@pytest.fixture
async def raw_socket():
    """A function that gives a client of the user, whose server offers raw frames; all leave afterwards."""
    opened = []

    def open_one(user):
        opened.append(RawSocket(application, user))
        return opened[-1]

    yield open_one
    for socket in opened:
        await socket.disconnect()


def _seated() -> int:
    return sum(len(one) for one in current_audiences().values())


async def _follow(raw_socket, users, room, query=ADDED, **variables):
    """Sockets of the users, each in its seat."""
    sockets = []
    for user in users:
        socket = await raw_socket(user).start()
        await socket.subscribe("1", query, room=room.pk, **variables)
        sockets.append(socket)
    await eventually(lambda: _seated() == len(users))
    return sockets


async def _post(user, room, *texts):
    for text in texts:
        await run_in_db(actions.post_message, user, room_id=room.pk, text=text)


async def _texts(socket, count):
    return [(await socket.next_data())["messageAdded"]["text"] for _ in range(count)]


async def test_messages_come_once_and_in_order_and_edits_do_not(raw_socket, ada, grace, general):
    sockets = await _follow(raw_socket, [ada, grace, grace], general)
    first = await run_in_db(actions.post_message, ada, room_id=general.pk, text="one")
    await run_in_db(actions.edit_message, ada, message_id=first.pk, text="one!")
    await asyncio.gather(*(_post(ada, general, f"m{n}") for n in range(5)))

    told = [[(await socket.next_data())["messageAdded"]["version"] for _ in range(6)] for socket in sockets]

    assert told == [[1, 3, 4, 5, 6, 7]] * 3
    assert _seated() == 3
    assert all(socket.nothing_waits() for socket in sockets)


async def test_all_events_of_a_room_come_from_one_execution_each(raw_socket, executions, ada, grace, general):
    sockets = await _follow(raw_socket, [ada, grace], general, EVENTS)
    await _post(ada, general, "one")
    await publish(Typing(general.pk, ada.pk, True))
    await publish(MessageDelta(general.pk, 77, 0, "wor"))

    for socket in sockets:
        assert [(await socket.next_data())["roomEvents"] for _ in range(3)] == [
            {"__typename": "MessageAdded", "message": {"text": "one", "version": 1}},
            {"__typename": "TypingChanged", "typing": True, "user": {"username": "ada"}},
            {"__typename": "MessageDelta", "index": 0, "text": "wor"},
        ]
    assert set(executions) == {None} and len(executions) <= 4  # once more for who was not level yet
    assert _seated() == 2


async def test_where_a_subscriber_began_does_not_keep_it_from_sharing(
    raw_socket, executions, ada, grace, general
):
    await _post(ada, general, "one", "two")
    early = await raw_socket(ada).start()
    await early.subscribe("1", ADDED, room=general.pk, since=1)
    late = await raw_socket(grace).start()
    await late.subscribe("1", ADDED, room=general.pk, since=2)
    await eventually(lambda: _seated() == 2)
    executions.clear()

    await _post(ada, general, "three")

    assert await _texts(early, 2) == ["two", "three"]
    assert await _texts(late, 1) == ["three"]
    assert set(executions) == {None} and len(executions) <= 2  # once more for who was not level yet
    assert len(current_audiences()) == 1


async def test_a_seated_subscriber_is_told_the_same_costs(
    raw_socket, open_socket, ada, grace, general, settings
):
    settings.RATE_LIMITS = True
    alone = await open_socket(grace).start()
    await alone.subscribe("1", ADDED, room=general.pk, since=0)
    [seated] = await _follow(raw_socket, [ada], general)
    await _post(ada, general, "one")

    own, shared = (await alone.receive())["payload"], (await seated.receive())["payload"]

    cost = shared["extensions"]["cost"]
    assert shared["data"] == own["data"]
    assert list(shared) == list(own)
    assert {name: cost[name] for name in ("requested", "actual", "restoreRate")} == {
        name: own["extensions"]["cost"][name] for name in ("requested", "actual", "restoreRate")
    }
    assert 0 < cost["remaining"] < limits.LIMITS["graphql"].user.burst


async def test_who_does_not_read_is_left_to_its_own_queue_and_comes_back(raw_socket, ada, grace, general):
    slow, fast = await _follow(raw_socket, [ada, grace], general)
    slow.is_paused = True
    await _post(ada, general, "one", "two")
    assert await _texts(fast, 2) == ["one", "two"]
    assert await _texts(slow, 2) == ["one", "two"]  # by ASGI, whose server makes it wait
    past_asgi = slow.raw_messages

    slow.is_paused = False
    await eventually(lambda: _seated() == 2)
    await _post(ada, general, "three")

    assert await _texts(slow, 1) == ["three"]
    assert slow.raw_messages == past_asgi + 1
    assert await _texts(fast, 1) == ["three"]


async def test_who_has_no_points_left_waits_alone(raw_socket, ada, grace, general, settings, monkeypatch):
    settings.RATE_LIMITS = True
    poor, rich = await _follow(raw_socket, [ada, grace], general)
    asked = limits.spend

    def refusing(name, cost, *, user_id, address):
        if user_id == ada.pk:
            raise limits.RateLimited("no points", retry_after_s=0.1)
        return asked(name, cost, user_id=user_id, address=address)

    monkeypatch.setattr(limits, "spend", refusing)
    await _post(grace, general, "one", "two")

    assert await _texts(rich, 2) == ["one", "two"]
    assert await _texts(poor, 2) == ["one", "two"]  # each paid for by itself


async def test_a_lost_event_is_read_from_the_database(raw_socket, ada, grace, general, monkeypatch):
    sockets = await _follow(raw_socket, [ada, grace], general)
    with monkeypatch.context() as patch:
        patch.setattr("chat.actions.messages.publish_committed", lambda *events: None)
        await _post(ada, general, "unannounced")
    await _post(ada, general, "announced")

    for socket in sockets:
        assert await _texts(socket, 2) == ["unannounced", "announced"]
    await eventually(lambda: _seated() == 2)


async def test_a_stumble_of_the_channel_layer_costs_nobody_a_message(
    raw_socket, ada, grace, general, monkeypatch
):
    sockets = await _follow(raw_socket, [ada, grace], general)
    with monkeypatch.context() as patch:
        patch.setattr("chat.actions.messages.publish_committed", lambda *events: None)
        await _post(ada, general, "unannounced")
    current_hub()._catch_up()

    for socket in sockets:
        assert await _texts(socket, 1) == ["unannounced"]


async def test_who_is_removed_is_told_so_and_nothing_more(raw_socket, ada, grace, private, monkeypatch):
    monkeypatch.setattr("chat.access.sweeps.SWEEP_INTERVAL_S", 0.1)
    membership = await Membership.objects.acreate(room=private, user=grace)
    owner, member = await _follow(raw_socket, [ada, grace], private)
    await membership.adelete()

    ended = await member.receive()
    assert ended["payload"]["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert (await member.receive())["type"] == "complete"
    assert _seated() == 1
    await _post(ada, private, "secret")
    assert await _texts(owner, 1) == ["secret"]
    assert member.nothing_waits()


async def test_a_completed_subscription_gets_nothing_more(raw_socket, ada, grace, general):
    left, stays = await _follow(raw_socket, [ada, grace], general)
    await left.send({"id": "1", "type": "complete"})
    await eventually(lambda: _seated() == 1)
    await _post(ada, general, "one")

    assert await _texts(stays, 1) == ["one"]
    assert left.nothing_waits()


async def test_an_audience_ends_with_its_last_subscriber(raw_socket, ada, general):
    [socket] = await _follow(raw_socket, [ada], general)
    await socket.send({"id": "1", "type": "complete"})
    await eventually(lambda: not current_audiences())
    await eventually(lambda: not current_hub().groups())


async def test_an_error_is_each_subscribers_own(raw_socket, ada, grace, general, monkeypatch):
    sockets = await _follow(raw_socket, [ada, grace], general)
    with monkeypatch.context() as patch:

        async def failing(operation, context, root=None):
            raise RuntimeError("broken")

        patch.setattr(execution, "execute_operation", failing)
        await _post(ada, general, "one")
        told = [await socket.receive() for socket in sockets]

    assert len({one["payload"]["errors"][0]["extensions"]["errorId"] for one in told}) == 2
    await eventually(lambda: _seated() == 2)
    await _post(ada, general, "two")
    for socket in sockets:
        assert await _texts(socket, 1) == ["two"]


async def test_what_fails_for_all_fails_for_nobody(raw_socket, ada, grace, general, monkeypatch, caplog):
    sockets = await _follow(raw_socket, [ada, grace], general)
    with monkeypatch.context() as patch:
        patch.setattr(audience, "shared_result", None)
        await _post(ada, general, "one", "two")
        for socket in sockets:
            assert await _texts(socket, 2) == ["one", "two"]
    assert "could not be told of an event together" in caplog.text


async def test_a_log_that_grows_too_long_is_given_up(raw_socket, ada, grace, general, monkeypatch):
    """A result that takes long holds nobody up for ever: the subscribers' own queues are bounded."""
    monkeypatch.setattr(audience, "LOG_MAX_EVENTS", 3)
    may_go = asyncio.Event()
    execute = executor.execute_operation

    async def held(operation, context, root=None):
        await may_go.wait()
        return await execute(operation, context, root)

    sockets = await _follow(raw_socket, [ada, grace], general)
    with monkeypatch.context() as patch:
        patch.setattr(execution, "execute_operation", held)
        await _post(ada, general, *(f"m{n}" for n in range(5)))
        await eventually(lambda: _seated() == 0)
        may_go.set()
        for socket in sockets:
            assert await _texts(socket, 5) == [f"m{n}" for n in range(5)]
    await eventually(lambda: _seated() == 2)


async def test_a_large_room_is_written_to_in_slices(raw_socket, ada, grace, general, monkeypatch):
    monkeypatch.setattr(audience, "SLICE_SEATS", 2)
    monkeypatch.setattr(audience, "SLICE_S", 60.0)  # however slow the machine
    sockets = await _follow(raw_socket, [ada, grace] * 3, general)
    turns = 0
    loop = asyncio.get_running_loop()
    had: list[int] = []

    def turn():
        nonlocal turns
        turns += 1
        had.append(sum(not socket.nothing_waits() for socket in sockets))
        if had[-1] < len(sockets):
            loop.call_soon(turn)

    loop.call_soon(turn)
    await _post(ada, general, "one")
    await eventually(lambda: had[-1] == len(sockets))

    steps = sorted(set(had))
    assert steps == [0, 2, 4, 6]
    for socket in sockets:
        assert await _texts(socket, 1) == ["one"]
