"""Who is live and does nothing for long is idle, whichever process he or she is connected to."""

import pytest

from chat.live import presence as presence_module
from chat.live.presence import ACTIVE, ANYWHERE, Presence, current_presence
from chat.tests.socket_client import disconnect_all, sign_in
from chat.tests.waiting import eventually

ADA, GRACE, NOBODY = 987_651, 987_652, 987_653


@pytest.fixture(autouse=True)
async def clean_redis():
    presence = Presence()
    yield
    for room_id in (ANYWHERE, ACTIVE):
        await presence._redis.zrem(presence._room_key(room_id), ADA, GRACE)
    await presence._redis.aclose()


async def told(*presences: Presence) -> None:
    """Wait until Redis knows what these processes know."""
    await eventually(lambda: all(not one._changed and not one._acted for one in presences))


async def pass_idle_time(presence: Presence, user_id: int) -> None:
    """As if the user had done nothing for so long that he or she is idle."""
    await presence._redis.zadd(presence._room_key(ACTIVE), {str(user_id): 1})
    presence._acted_at.clear()


async def test_who_connects_is_online_and_after_a_time_idle():
    here, there = Presence(), Presence()
    here.enter(ANYWHERE, ADA, "tab")
    there.enter(ANYWHERE, GRACE, "phone")
    await told(here, there)
    assert await there.states_of([ADA, NOBODY, GRACE]) == ["online", "offline", "online"]

    await pass_idle_time(here, ADA)
    assert await there.states_of([ADA, NOBODY, GRACE]) == ["idle", "offline", "online"]


async def test_whoever_does_something_is_online_again():
    here, there = Presence(), Presence()
    here.enter(ANYWHERE, ADA, "tab")
    await told(here)
    await pass_idle_time(here, ADA)

    there.note_activity(ADA)  # by a request to another process
    await told(there)

    assert await here.states_of([ADA]) == ["online"]


async def test_activity_without_a_connection_is_offline():
    here = Presence()
    here.note_activity(ADA)
    await told(here)
    assert await here.states_of([ADA]) == ["offline"]


async def test_activity_ends_by_itself(monkeypatch):
    monkeypatch.setattr(presence_module, "IDLE_AFTER_S", 0.05)
    here = Presence()
    here.enter(ANYWHERE, ADA, "tab")
    await told(here)
    states: list[str] = []
    while "idle" not in states:
        states += await here.states_of([ADA])
    assert set(states) <= {"online", "idle"}


async def test_redis_is_told_of_a_busy_user_once_in_a_while(monkeypatch):
    here = Presence()
    here.note_activity(ADA)
    await told(here)
    for _ in range(100):
        here.note_activity(ADA)
    assert not here._acted

    monkeypatch.setattr(presence_module, "ACTIVITY_STEP_S", 0.0)
    here.note_activity(ADA)
    assert list(here._acted) == [ADA]


async def test_what_is_remembered_of_activity_goes_with_the_next_beat(monkeypatch):
    monkeypatch.setattr(presence_module, "ACTIVITY_STEP_S", 0.0)
    monkeypatch.setattr(presence_module, "BEAT_S", 0.05)
    here = Presence()
    here.note_activity(ADA)
    await eventually(lambda: not here._acted_at)


@pytest.mark.django_db(transaction=True)
async def test_events_of_a_client_are_activity_and_heartbeats_are_not(ada, general, monkeypatch):
    client = await sign_in(ada)
    active: list[int] = []
    monkeypatch.setattr(current_presence(), "note_activity", active.append)

    await client.send("3")  # the answer to a ping; it is handled before what follows
    await client.emit("mark-read", str(general.pk), 0)

    assert active == [ada.pk]
    await disconnect_all(client)
