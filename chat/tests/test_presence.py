"""First and last connections, over processes that come, go and are killed. Two `Presence` objects are two processes."""

import asyncio

import pytest

from chat.events import UserJoined, UserLeft
from chat.live import presence as presence_module
from chat.live.presence import ANYWHERE, Presence
from chat.tests.waiting import eventually

ROOM = 987_654
ADA, GRACE = 1, 2


@pytest.fixture
def announced(monkeypatch):
    events = []

    async def record(event):
        events.append(event)

    monkeypatch.setattr(presence_module, "publish", record)
    return events


@pytest.fixture
def quick_beats(monkeypatch):
    monkeypatch.setattr(presence_module, "TTL_S", 0.4)
    monkeypatch.setattr(presence_module, "BEAT_S", 0.1)


@pytest.fixture(autouse=True)
async def clean_redis():
    presence = Presence()
    await presence._redis.delete(*keys(presence, ADA), *keys(presence, GRACE))
    await presence._redis.aclose()


def keys(presence: Presence, user_id: int) -> list[str]:
    """Those in Redis that say that the user is in the room."""
    room = presence._room_key(ROOM)
    return [room, f"{room}:{user_id}"]


async def settled(*presences: Presence) -> None:
    """Wait until Redis knows what these processes know."""
    await eventually(
        lambda: all(not one._changed and one._told == set(one._connections) for one in presences)
    )
    await asyncio.sleep(0.02)


async def test_the_first_and_the_last_connection_are_announced(announced):
    here, there = Presence(), Presence()
    here.enter(ROOM, ADA, "tab 1")
    await settled(here)
    here.enter(ROOM, ADA, "tab 2")
    there.enter(ROOM, ADA, "phone")
    await settled(here, there)
    assert announced == [UserJoined(ROOM, ADA)]

    here.leave(ROOM, ADA, "tab 1")
    here.leave(ROOM, ADA, "tab 2")
    await settled(here)
    assert announced == [UserJoined(ROOM, ADA)]
    there.leave(ROOM, ADA, "phone")
    await settled(there)

    assert announced == [UserJoined(ROOM, ADA), UserLeft(ROOM, ADA)]


async def test_entering_or_leaving_twice_changes_nothing(announced):
    here = Presence()
    here.enter(ROOM, ADA, "tab")
    here.enter(ROOM, ADA, "tab")
    await settled(here)
    here.leave(ROOM, ADA, "tab")
    here.leave(ROOM, ADA, "tab")
    await settled(here)

    assert announced == [UserJoined(ROOM, ADA), UserLeft(ROOM, ADA)]


async def test_the_users_of_a_room_are_those_of_all_processes(announced):
    here, there = Presence(), Presence()
    here.enter(ROOM, GRACE, "tab")
    there.enter(ROOM, ADA, "tab")
    await settled(here, there)

    assert await here.users_in(ROOM) == [ADA, GRACE]


async def test_those_who_ask_at_once_share_an_answer(announced, monkeypatch):
    here = Presence()
    here.enter(ROOM, ADA, "tab")
    await settled(here)
    reads = []
    run_scripts = here._run_scripts

    async def counted(scripts):
        reads.append([room_id for _, room_id, _ in scripts])
        return await run_scripts(scripts)

    monkeypatch.setattr(here, "_run_scripts", counted)

    answers = await asyncio.gather(*(here.users_in(room_id) for room_id in [ROOM, ROOM + 1] * 25))

    assert answers == [[ADA], []] * 25
    assert reads == [[ROOM, ROOM + 1]]


async def test_users_who_come_and_go_together_are_told_together(announced, monkeypatch):
    monkeypatch.setattr(presence_module, "USERS_AT_ONCE", 2)
    here = Presence()
    users = [ADA, GRACE, 33, 44, 55]
    for user_id in users:
        here.enter(ROOM, user_id, "tab")
    await settled(here)
    assert announced == [UserJoined(ROOM, user_id) for user_id in users]
    assert await here.users_in(ROOM) == users

    for user_id in users[1:]:
        here.leave(ROOM, user_id, "tab")
    here.leave(ROOM, 66, "tab")
    await settled(here)

    assert announced[5:] == [UserLeft(ROOM, user_id) for user_id in users[1:]]
    assert await here.users_in(ROOM) == [ADA]
    await here._redis.delete(*(key for user_id in users for key in keys(here, user_id)))


async def test_being_connected_at_all_is_not_announced(announced):
    here = Presence()
    here.enter(ANYWHERE, ADA, "tab")
    await settled(here)

    assert ADA in await here.users_in(ANYWHERE)
    here.leave(ANYWHERE, ADA, "tab")
    await settled(here)
    assert announced == []


async def test_a_process_that_lives_keeps_its_users(announced, quick_beats, monkeypatch):
    monkeypatch.setattr(presence_module, "TTL_S", 2.0)  # many beats: a busy machine leaves some out
    here = Presence()
    here.enter(ROOM, ADA, "tab")
    await asyncio.sleep(2.5)

    assert await here.users_in(ROOM) == [ADA]
    assert announced == [UserJoined(ROOM, ADA)]


async def test_a_killed_process_leaves_nobody_behind(announced, quick_beats):
    here, killed = Presence(), Presence()
    here.enter(ROOM, ADA, "tab")
    killed.enter(ROOM, ADA, "tab")
    killed.enter(ROOM, GRACE, "tab")
    await settled(here, killed)
    assert killed._task is not None

    killed._task.cancel()

    await eventually(lambda: UserLeft(ROOM, GRACE) in announced)
    assert await here.users_in(ROOM) == [ADA]
    assert announced.count(UserLeft(ROOM, GRACE)) == 1
    assert UserLeft(ROOM, ADA) not in announced


async def test_any_number_of_users_may_be_gone_at_once(announced):
    here = Presence()
    here.enter(ROOM, ADA, "tab")
    await settled(here)
    users = range(1000, 11_000)
    await here._redis.zadd(here._room_key(ROOM), {str(user): 1.0 for user in users})

    await here._beat()

    assert {event.user_id for event in announced if isinstance(event, UserLeft)} == set(users)
    assert await here._redis.zcard(here._room_key(ROOM)) == 1


async def test_who_is_found_again_by_a_beat_is_announced_even_if_the_rest_of_it_fails(announced, monkeypatch):
    here = Presence()
    here.enter(ROOM, ADA, "tab")
    await settled(here)
    await here._redis.delete(*keys(here, ADA))  # Redis began anew
    announced.clear()
    run_scripts = here._run_scripts

    async def fail_to_reap(scripts):
        if any(source is presence_module._REAP for source, _, _ in scripts):
            raise ConnectionError
        return await run_scripts(scripts)

    monkeypatch.setattr(here, "_run_scripts", fail_to_reap)
    with pytest.raises(ConnectionError):
        await here._beat()

    assert announced == [UserJoined(ROOM, ADA)]


async def test_an_outage_of_redis_delays_the_announcement(announced, monkeypatch):
    monkeypatch.setattr(presence_module, "RETRY_S", 0.05)
    here = Presence()
    reachable = here._tell

    async def unreachable(entered, left):
        raise ConnectionError

    monkeypatch.setattr(here, "_tell", unreachable)
    here.enter(ROOM, ADA, "tab")
    await asyncio.sleep(0.1)
    assert announced == []

    monkeypatch.setattr(here, "_tell", reachable)

    await eventually(lambda: announced == [UserJoined(ROOM, ADA)])


async def test_an_outage_of_redis_empties_the_list_of_users(monkeypatch):
    here = Presence()

    async def unreachable(scripts):
        raise ConnectionError

    monkeypatch.setattr(here, "_run_scripts", unreachable)

    assert await here.users_in(ROOM) == []


async def test_what_could_not_be_told_for_a_reason_that_nobody_foresaw_is_told_again(
    announced, monkeypatch, caplog
):
    monkeypatch.setattr(presence_module, "RETRY_S", 0.01)
    here = Presence()
    with monkeypatch.context() as bug:
        bug.setattr(here, "_tell_changes", lambda: 1 / 0)
        here.enter(ROOM, ADA, "tab")
        await eventually(lambda: "could not be told" in caplog.text)

    await settled(here)

    assert announced == [UserJoined(ROOM, ADA)]
