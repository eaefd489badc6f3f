"""Fields that look at who asks. Named in matrix.OWN_RULES."""

import pytest
from django.utils import timezone

from chat.database import run_in_db
from chat.live.presence import ANYWHERE, current_presence
from chat.models import Membership, User

pytestmark = pytest.mark.django_db(transaction=True)


async def _data(person, text: str) -> dict:
    reply = await person.query(text)
    assert "errors" not in reply, reply
    return reply["data"]


async def test_me_is_who_asks(person, world):
    for name in ("nobody", "sam", "gil", "root"):
        me = (await _data(await person(name), "{ me { username } }"))["me"]
        assert me == (None if name == "nobody" else {"username": name})


async def test_usage_is_that_of_ones_own_questions(person, world):
    text = "{ usage { answers inputTokens cost } }"
    for name, spent in (
        ("ann", (1, 7, "1.000000")),
        ("olga", (0, 0, "0.000000")),
        ("root", (0, 0, "0.000000")),
    ):
        usage = (await _data(await person(name), text))["usage"]
        assert (usage["answers"], usage["inputTokens"], usage["cost"]) == spent, name


async def test_an_address_is_read_by_its_owner_and_admins(person, world):
    text = f'{{ user(id: "{world.people["olga"].pk}") {{ email }} }}'
    for name, address in (
        ("olga", "olga@example.org"),
        ("root", "olga@example.org"),
        ("sam", None),
        ("gil", None),
    ):
        assert (await _data(await person(name), text))["user"] == {"email": address}, name


async def test_a_guest_learns_nothing_of_people_outside_his_rooms(person, world):
    """Of who wrote in his room once and left, the name on the message is all."""
    ann = world.people["ann"]
    await User.objects.filter(pk=ann.pk).aupdate(last_seen_at=timezone.now())
    await Membership.objects.filter(room_id=world.objects["room"]["lobby"], user=ann).adelete()
    await run_in_db(_write_in_lobby, world)
    current_presence().enter(ANYWHERE, ann.pk, "test")
    newest = "messages(last: 1) { edges { node { author { username lastSeenAt presence } } } }"
    text = f'{{ room(id: "{world.objects["room"]["lobby"]}") {{ {newest} }} }}'
    try:
        found = {name: (await _data(await person(name), text))["room"] for name in ("gil", "olga")}
    finally:
        current_presence().leave(ANYWHERE, ann.pk, "test")

    to_guest, to_olga = (found[name]["messages"]["edges"][0]["node"]["author"] for name in ("gil", "olga"))
    assert to_guest == {"username": "ann", "lastSeenAt": None, "presence": "OFFLINE"}
    assert to_olga["lastSeenAt"] is not None
    assert to_olga["presence"] == "ONLINE"


def _write_in_lobby(world) -> None:
    from chat import actions

    room_id, ann = world.objects["room"]["lobby"], world.people["ann"]
    membership = Membership.objects.create(room_id=room_id, user=ann)
    actions.post_message(ann, room_id=room_id, text="I was here")
    membership.delete()


async def test_of_the_rooms_of_a_collection_only_readable_ones_are_named(person, world):
    ids = world.objects
    await run_in_db(_share_leaflet, world)
    text = f'{{ document(id: "{ids["document"]["everyone"]}") {{ collection {{ rooms {{ id }} }} }} }}'
    expected = {"olga": ["lobby", "private"], "mia": ["private"], "gil": ["lobby"], "sam": []}
    for name, rooms in expected.items():
        found = (await _data(await person(name), text))["document"]["collection"]["rooms"]
        assert sorted(one["id"] for one in found) == sorted(ids["room"][room] for room in rooms), name


def _share_leaflet(world) -> None:
    from rag.actions import share_collection

    rooms = [world.objects["room"][name] for name in ("private", "lobby")]
    share_collection(
        world.people["olga"], collection_id=world.objects["collection"]["everyone"], room_ids=rooms
    )


async def test_of_the_passages_of_an_answer_only_readable_ones_are_given(person, world):
    ids = world.objects
    text = f'{{ answer(id: "{ids["answer"]["finished"]}") {{ passages {{ document {{ id }} }} }} }}'
    for name, documents in (("olga", ["private", "own"]), ("mia", ["private"])):
        found = (await _data(await person(name), text))["answer"]["passages"]
        assert [one["document"]["id"] for one in found] == [ids["document"][one] for one in documents], name


async def test_what_is_unread_is_the_readers_own(person, world):
    room_id = world.objects["room"]["private"]
    text = f'{{ room(id: "{room_id}") {{ version unreadCount mentionCount }} }}'
    version = (await _data(await person("mia"), text))["room"]["version"]
    await Membership.objects.filter(room_id=room_id, user=world.people["ann"]).aupdate(
        last_read_version=version
    )

    counts = {name: (await _data(await person(name), text))["room"] for name in ("mia", "ann")}

    assert counts["mia"]["unreadCount"] > 0
    assert counts["mia"]["mentionCount"] == 1
    assert (counts["ann"]["unreadCount"], counts["ann"]["mentionCount"]) == (0, 0)


async def test_a_reaction_is_mine_for_who_reacted(person, world):
    text = f'{{ message(id: "{world.objects["message"]["in private"]}") {{ reactions {{ mine }} }} }}'
    for name, mine in (("ann", True), ("mia", False)):
        assert (await _data(await person(name), text))["message"]["reactions"] == [{"mine": mine}]
