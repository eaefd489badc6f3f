"""Subscribers share one execution of an event only where nothing in it depends on who asks."""

import asyncio

import pytest

from chat import actions
from chat.database import run_in_db
from chat.models import Membership
from gql import execution, executor
from gql.executor import EXECUTORS
from gql.schema import schema
from gql.subscriptions.sharing import SAME_FOR_ALL

pytestmark = pytest.mark.django_db(transaction=True)

HEAD = "subscription($room: ID!, $since: Int) { messageAdded(roomId: $room, since: $since)"
SAME = HEAD + " { id text author { username } } }"


async def _subscribe(open_socket, user, room, query, **variables):
    socket = await open_socket(user).start()
    await socket.subscribe("1", query, room=room.pk, since=room.version, **variables)
    return socket


async def _begin(sockets, user, room):
    """Who has been told of one message, live or from the database, is told of the next one live."""
    await run_in_db(actions.post_message, user, room_id=room.pk, text="begun")
    await _told(sockets)


async def _follow(open_socket, users, room, query):
    sockets = [await _subscribe(open_socket, user, room, query) for user in users]
    await _begin(sockets, users[0], room)
    return sockets


async def _told(sockets):
    return [(await socket.next_data())["messageAdded"] for socket in sockets]


@pytest.mark.parametrize("executor", EXECUTORS)
async def test_fifty_subscribers_share_one_execution(
    open_socket, executions, ada, grace, general, settings, executor
):
    settings.GRAPHQL_EXECUTOR, settings.RATE_LIMITS = executor, False
    sockets = await _follow(open_socket, [ada, grace] * 25, general, SAME)

    executions.clear()
    message = await run_in_db(actions.post_message, ada, room_id=general.pk, text="one")

    assert (
        await _told(sockets) == [{"id": str(message.pk), "text": "one", "author": {"username": "ada"}}] * 50
    )
    assert set(executions) == {None} and len(executions) <= 2  # once more for who was not level yet


@pytest.mark.parametrize(
    "selected",
    [
        "reactions { mine }",
        "replyCount",
        "room { unreadCount }",
        "answer { id }",
        "author { presence }",
        "author { email }",
        "... on Message { author { ...Person } }",
    ],
)
async def test_what_depends_on_the_caller_runs_for_each(
    open_socket, executions, ada, grace, general, selected
):
    fragment = " fragment Person on User { lastSeenAt }" if "...Person" in selected else ""
    query = f"{HEAD} {{ id {selected} }} }}{fragment}"
    sockets = await _follow(open_socket, [ada, grace], general, query)

    executions.clear()
    await run_in_db(actions.post_message, ada, room_id=general.pk, text="one")
    first, second = await _told(sockets)

    assert {user.pk for user in executions} == {ada.pk, grace.pk}
    if "email" in selected:
        assert (first["author"]["email"], second["author"]["email"]) == (ada.email or None, None)


async def test_a_guest_shares_with_nobody(open_socket, executions, ada, grace, guest, general):
    await Membership.objects.acreate(room=general, user=guest, role="guest")
    sockets = await _follow(open_socket, [ada, guest, grace], general, SAME)

    executions.clear()
    await run_in_db(actions.post_message, ada, room_id=general.pk, text="one")

    assert [told["text"] for told in await _told(sockets)] == ["one"] * 3
    assert sorted(user.pk if user else 0 for user in executions) == [0, guest.pk]


async def test_other_variables_and_aliases_do_not_mix(open_socket, executions, ada, grace, general):
    query = """subscription($room: ID!, $since: Int, $with: Boolean!) {
        messageAdded(roomId: $room, since: $since) { text @include(if: $with) version } }"""
    with_text = await _subscribe(open_socket, ada, general, query, **{"with": True})
    without = await _subscribe(open_socket, grace, general, query, **{"with": False})
    renamed = await _subscribe(open_socket, grace, general, SAME.replace("text", "words: text"))
    await _begin([with_text, without, renamed], ada, general)

    executions.clear()
    await run_in_db(actions.post_message, ada, room_id=general.pk, text="one")

    one, two, three = await _told([with_text, without, renamed])
    assert (one, two) == ({"text": "one", "version": 2}, {"version": 2})
    assert three["words"] == "one"
    assert set(executions) == {None} and len(executions) <= 4  # once more for who was not level yet


async def test_a_subscriber_who_leaves_first_takes_nothing_from_the_others(
    open_socket, monkeypatch, ada, grace, general
):
    began, may_end, ran_for = asyncio.Event(), asyncio.Event(), []
    execute = executor.execute_operation

    async def held(operation, context, root=None):
        if root is not None:
            ran_for.append(context.user)
            began.set()
            await may_end.wait()
        return await execute(operation, context, root)

    first, second = await _follow(open_socket, [ada, grace], general, SAME)
    monkeypatch.setattr(execution, "execute_operation", held)
    await run_in_db(actions.post_message, ada, room_id=general.pk, text="one")
    await began.wait()
    await first.send({"id": "1", "type": "complete"})
    await first.send({"type": "ping"})
    assert await first.receive() == {"type": "pong"}  # it is answered in turn: the subscriber has left
    may_end.set()

    assert (await second.next_data())["messageAdded"]["text"] == "one"
    assert ran_for == [None], "what the others wait for was not begun anew"


async def test_an_error_is_each_subscribers_own(open_socket, monkeypatch, ada, grace, general):
    ran_for = []

    async def failing(operation, context, root=None):
        ran_for.append(context.user and context.user.pk)
        raise RuntimeError("broken")

    sockets = await _follow(open_socket, [ada, grace], general, SAME)
    monkeypatch.setattr(execution, "execute_operation", failing)
    await run_in_db(actions.post_message, ada, room_id=general.pk, text="one")
    told = [await socket.receive() for socket in sockets]

    assert len({one["payload"]["errors"][0]["extensions"]["errorId"] for one in told}) == 2
    assert sorted(pk or 0 for pk in ran_for) == [0, *sorted((ada.pk, grace.pk))]


def test_what_is_shared_is_named_here_too_and_exists():
    assert {
        name: sorted(fields) for name, fields in SAME_FOR_ALL.items() if name in ("Subscription", "User")
    } == {
        "Subscription": ["messageAdded", "roomEvents"],
        "User": ["displayName", "id", "isBot", "username"],
    }
    message = schema.graphql_schema.get_type("Message")
    own = {"room", "reactions", "replyCount", "answer"}
    assert set(message.fields) - SAME_FOR_ALL["Message"] == own
    for name, fields in SAME_FOR_ALL.items():
        assert fields <= set(schema.graphql_schema.get_type(name).fields)


async def test_fragments_that_double_each_other_are_read_once(open_socket, executions, ada, grace, general):
    doubling = "".join(f" fragment F{n} on Message {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
    query = HEAD + " { id text ...F0 } }" + doubling + " fragment F40 on Message { version }"
    sockets = await _follow(open_socket, [ada, grace], general, query)
    executions.clear()

    await run_in_db(actions.post_message, ada, room_id=general.pk, text="one")

    assert [told["version"] for told in await _told(sockets)] == [2, 2]
    assert set(executions) == {None} and len(executions) <= 2  # once more for who was not level yet


@pytest.mark.parametrize("fields", ["text ...F", "...F text", "author { id } ... { ...F }"])
async def test_a_fragment_that_is_each_subscribers_own_is_found_wherever_it_is_spread(
    open_socket, executions, ada, grace, general, fields
):
    query = (
        HEAD
        + f" {{ {fields} id }} }} fragment F on Message {{ ...G ...G }} fragment G on Message {{ replyCount }}"
    )
    sockets = await _follow(open_socket, [ada, grace], general, query)
    executions.clear()

    await run_in_db(actions.post_message, ada, room_id=general.pk, text="one")
    await _told(sockets)

    assert {user.pk for user in executions} == {ada.pk, grace.pk}
