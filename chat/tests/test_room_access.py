"""The set-based reading of access gives what `access_room` gives, one pair at a time."""

import asyncio
from itertools import product

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat import selectors
from chat.access import room_access
from chat.access.room_access import RoomAccess, access_rooms, access_rooms_soon, readable_pairs
from chat.errors import NotFound
from chat.models import Membership, Room, User

pytestmark = pytest.mark.django_db(transaction=True)
NOBODY, NOWHERE = 10**9, 10**9
PEOPLE, ROOMS = 3, 3
PLACES = list(product(range(PEOPLE), range(ROOMS)))


@pytest.fixture
def people() -> list[User]:
    return User.objects.bulk_create([User(username=f"person {n}") for n in range(PEOPLE)])


@pytest.fixture
def rooms() -> list[Room]:
    return Room.objects.bulk_create([Room(name=f"room {n}") for n in range(ROOMS)])


def access_one_by_one(pair: tuple[int, int]) -> Room | None:
    try:
        return selectors.access_room(User.objects.get(pk=pair[0]), pair[1])
    except (NotFound, User.DoesNotExist):
        return None


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    flags=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=PEOPLE, max_size=PEOPLE),
    kinds=st.lists(st.sampled_from(Room.Kind.values), min_size=ROOMS, max_size=ROOMS),
    members=st.sets(st.sampled_from(PLACES)),
)
def test_pairs_are_readable_as_access_room_says(people, rooms, flags, kinds, members):
    for person, (is_guest, is_active) in zip(people, flags, strict=True):
        User.objects.filter(pk=person.pk).update(is_guest=is_guest, is_active=is_active)
    for room, kind in zip(rooms, kinds, strict=True):
        Room.objects.filter(pk=room.pk).update(kind=kind)
    Membership.objects.all().delete()
    Membership.objects.bulk_create([Membership(user=people[p], room=rooms[r]) for p, r in members])
    pairs = [(user.pk, room.pk) for user in people for room in rooms]
    pairs += [(people[0].pk, NOWHERE), (NOBODY, rooms[0].pk)]

    found = access_rooms(pairs)

    expected = [access_one_by_one(pair) for pair in pairs]
    assert [access and access.room for access in found] == expected
    assert [access and access.room.kind for access in found] == [room and room.kind for room in expected]
    is_member = {(people[p].pk, rooms[r].pk) for p, r in members}
    assert all(a is None or a.is_member == (pair in is_member) for a, pair in zip(found, pairs, strict=True))
    assert readable_pairs(pairs) == {pair for pair, room in zip(pairs, expected, strict=True) if room}


def test_a_room_is_read_with_all_its_fields(ada, private):
    [access] = access_rooms([(ada.pk, private.pk)])

    fields = [field.attname for field in Room._meta.concrete_fields]
    assert access is not None
    expected = Room.objects.get(pk=private.pk)
    assert [getattr(access.room, name) for name in fields] == [getattr(expected, name) for name in fields]


def test_any_number_of_pairs_takes_one_query(ada, grace, general, private):
    with CaptureQueriesContext(connection) as queries:
        access_rooms([(user.pk, room.pk) for user in (ada, grace) for room in (general, private)])
        readable_pairs({(user.pk, room.pk) for user in (ada, grace) for room in (general, private)})

    assert len(queries) == 2
    assert readable_pairs(set()) == set()


async def test_joins_of_the_same_time_share_a_query(ada, grace, general, private, monkeypatch):
    batches: list[int] = []

    async def read(pairs):
        batches.append(len(pairs))
        return await access_rooms_soon(pairs)

    monkeypatch.setattr(room_access, "access_rooms_soon", read)
    access = RoomAccess()

    found = await asyncio.gather(
        access.find(ada.pk, private.pk),
        access.find(grace.pk, private.pk),
        access.find(grace.pk, general.pk),
        access.find(grace.pk, general.pk),
    )

    assert [each and each.room for each in found] == [private, None, general, general]
    assert batches == [4]
