"""The statement behind the list of rooms gives what the selectors give."""

import pytest

from chat.database import run_in_db
from chat.models import Membership, Room, User
from chat.open_rooms import OpenRoom, list_open_rooms
from chat.selectors import rooms_of

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = ["b", "B2", "ä", "a", "Z", "10", "9", "", "a b", "日本"]


@pytest.fixture
def people(db) -> dict[str, User]:
    """A member of some rooms, a guest in the same ones, somebody in none; rooms of each kind, some of them archived."""
    made = {name: User.objects.create_user(name) for name in ("member", "guest", "stranger", "other")}
    made["guest"].is_guest = True
    made["guest"].save()
    for number, (kind, archived) in enumerate(
        (kind, archived) for kind in Room.Kind.values for archived in (None, None, "2026-01-01T00:00Z")
    ):
        for joined in (True, False):
            name = f"{NAMES[number]} {joined}"
            room = Room.objects.create(name=name, kind=kind, topic=name, version=number, archived_at=archived)
            if joined:
                for who in ("member", "guest"):
                    Membership.objects.create(room=room, user=made[who])
            Membership.objects.create(room=room, user=made["other"])
    return made


def told(room: Room | OpenRoom) -> tuple[object, ...]:
    return (room.pk, room.name, room.topic, room.kind, room.version, room.archived_at)


@pytest.mark.parametrize(("name", "count"), [("member", 8), ("guest", 6), ("stranger", 4), ("other", 12)])
async def test_rooms_are_those_of_the_selectors_in_the_same_order(people, name, count):
    user = people[name]
    expected = await run_in_db(lambda: [told(room) for room in rooms_of(user)])

    rooms = await list_open_rooms(user, limit=100)

    assert [told(room) for room in rooms] == expected
    assert len(rooms) == count


@pytest.mark.parametrize("name", ["member", "guest", "stranger"])
async def test_pages_follow_each_other_without_gap_or_repetition(people, name):
    user = people[name]
    pages: list[OpenRoom] = []
    while more := await list_open_rooms(user, after=pages[-1].key if pages else None, limit=3):
        pages += more

    assert pages == await list_open_rooms(user, limit=100)


async def test_a_place_that_no_room_has_is_one_all_the_same(people):
    user = people["stranger"]
    assert await list_open_rooms(user, after=(2**62, "", 0), limit=9) == []
    assert await list_open_rooms(user, after=(-(2**62), "z", 2**62), limit=0) == []
    assert len(await list_open_rooms(user, after=(0, "zzz", 0), limit=9)) == 4
