"""The rows that sessions of the main namespace are kept in: when they begin, who holds them, when they go."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from chat import actions
from chat.main_namespace import recovery
from chat.models import SocketSession
from chat.tests.posting import post_all
from chat.tests.recoverable import Recoverable, no_session_is_left
from chat.tests.socket_client import disconnect_all
from chat.tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


async def test_nothing_is_stored_before_the_first_join_or_for_who_declines(ada, general):
    waiting = await Recoverable(ada).connect()
    declined = await Recoverable(ada).connect(recovery=False)
    await declined.join(general)

    assert waiting.pid is not None
    assert declined.pid is None
    assert not await SocketSession.objects.aexists()
    await post_all(ada, general, "without an offset")
    assert len(await declined.wire.event("new-message")) == 2
    await disconnect_all(waiting.wire, declined.wire)


async def test_a_connection_that_was_replaced_is_closed_when_it_changes_its_rooms(
    ada, grace, general, random
):
    client = await Recoverable(ada).connect()
    await client.join(general)
    half_open = client.wire
    await client.connect()
    assert client.recovered

    await half_open.send(f'420["join-room","{random.pk}"]')
    frames = await half_open.closed()

    assert not any(frame.startswith("430") for frame in frames)
    assert (await SocketSession.objects.aget()).rooms.keys() == {str(general.pk)}
    await post_all(grace, general, "for the new one")
    assert await client.texts(1) == ["for the new one"]
    await disconnect_all(client.wire)


async def test_the_goodbye_of_a_connection_that_was_replaced_ends_nothing(ada, general):
    client = await Recoverable(ada).connect()
    await client.join(general)
    half_open = client.wire
    await client.connect()

    await half_open.send("41")
    await half_open.disconnect()

    await client.cut_off()
    await client.connect()
    assert client.recovered
    await disconnect_all(client.wire)


async def test_a_session_that_nobody_came_back_to_for_a_day_is_gone(ada, general):
    client = await Recoverable(ada).connect()
    await client.join(general)
    await client.cut_off()
    await SocketSession.objects.aupdate(updated_at=timezone.now() - timedelta(hours=25))

    await client.connect()

    assert not client.recovered
    await disconnect_all(client.wire)


def test_sessions_are_kept_while_their_clients_are_there(ada):
    day_ago = timezone.now() - timedelta(hours=25)
    for pid in ("live", "gone", "recent"):
        actions.begin_socket_session(ada, pid=pid, sid="s", rooms={})
    SocketSession.objects.exclude(pid="recent").update(updated_at=day_ago)

    actions.keep_socket_sessions(["live"])

    assert actions.remove_old_socket_sessions() == 1
    assert actions.remove_old_socket_sessions() == 0

    assert set(SocketSession.objects.values_list("pid", flat=True)) == {"live", "recent"}


async def test_the_keeper_removes_what_is_too_old_at_once(ada, general):
    await SocketSession.objects.acreate(
        pid="gone", sid="s", user=ada, updated_at=timezone.now() - timedelta(days=2)
    )
    keeper = recovery.Keeper()

    keeper.add("live")

    await no_session_is_left()


async def test_the_keeper_removes_a_chunk_after_the_other(ada, monkeypatch):
    monkeypatch.setattr("chat.actions.socket_sessions.REMOVED_AT_ONCE", 2)
    removed = []
    remove = actions.remove_old_socket_sessions
    monkeypatch.setattr(
        actions, "remove_old_socket_sessions", lambda: removed.append(remove()) or removed[-1]
    )
    old = {"sid": "s", "user": ada, "updated_at": timezone.now() - timedelta(days=2)}
    await SocketSession.objects.abulk_create([SocketSession(pid=f"gone {n}", **old) for n in range(5)])
    keeper = recovery.Keeper()

    keeper.add("live")

    await no_session_is_left()
    await eventually(lambda: len(removed) == 4)
    assert removed == [2, 2, 1, 0]


async def test_the_keeper_survives_what_nobody_foresaw(ada, monkeypatch, caplog):
    monkeypatch.setattr(recovery, "KEEP_INTERVAL_S", 0.05)
    keep = actions.keep_socket_sessions
    calls = []

    def fail_once(pids):
        calls.append(pids)
        if len(calls) == 1:
            raise ValueError("a bug")
        keep(pids)

    monkeypatch.setattr(actions, "keep_socket_sessions", fail_once)
    keeper = recovery.Keeper()
    keeper.add("live")

    await eventually(lambda: len(calls) > 1)

    assert "could not be kept" in caplog.records.pop(0).message
    assert keeper._task is not None
    keeper._task.cancel()


def test_a_session_whose_beginning_went_unanswered_may_be_begun_again_by_the_same_socket_only(ada):
    begin = partial(actions.begin_socket_session, ada, pid="p")
    assert begin(sid="mine", rooms={1: 5})

    assert begin(sid="mine", rooms={1: 5, 2: 7})
    assert not begin(sid="another", rooms={3: 1})

    assert SocketSession.objects.values_list("sid", "rooms").get() == ("mine", {"1": 5, "2": 7})


def test_of_a_users_sessions_the_newest_stay(ada, grace, monkeypatch):
    monkeypatch.setattr("chat.actions.socket_sessions.SESSIONS_MAX", 3)
    for number in range(6):
        actions.begin_socket_session(ada, pid=f"a{number}", sid="s", rooms={})
        actions.begin_socket_session(grace, pid="hers", sid="s", rooms={})

    assert set(SocketSession.objects.values_list("pid", flat=True)) == {"a3", "a4", "a5", "hers"}
