"""Reacting: what becomes true, what is announced, what is refused."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.utils import timezone

from chat import actions, reactions, selectors
from chat.errors import BadInput, Conflict, Forbidden, NotFound
from chat.models import Membership, Message, Reaction, Room, User
from chat.reactions import own_reactions
from chat.unread import unread_count

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def message(ada, general) -> Message:
    return actions.post_message(ada, room_id=general.pk, text="Shall we?")


def counted(message: Message) -> list[tuple[str, int, list[str]]]:
    message.refresh_from_db()
    return [(c["emoji"], c["count"], c["userIds"]) for c in message.reactions]


def add_members(room: Room, number: int) -> list[User]:
    people = User.objects.bulk_create(User(username=f"member{n}") for n in range(number))
    Membership.objects.bulk_create(Membership(room=room, user=person) for person in people)
    return people


def test_a_reaction_is_stored_counted_and_announced_under_a_new_version(
    ada, grace, general, message, announced
):
    announced.clear()

    actions.add_reaction(grace, message_id=message.pk, emoji="🎉")
    given = actions.add_reaction(ada, message_id=str(message.pk), emoji="🎉")

    ids = [str(grace.pk), str(ada.pk)]
    assert counted(message) == [("🎉", 2, ids)]
    general.refresh_from_db()
    assert (given.version, message.version, general.version) == (3, 3, 3)
    assert (message.posted_version, message.edited_at) == (1, None)
    assert [(name, data["version"], data["reactions"]) for name, data in announced] == [
        ("message-updated", 2, [{"emoji": "🎉", "count": 1, "userIds": ids[:1]}]),
        ("message-updated", 3, [{"emoji": "🎉", "count": 2, "userIds": ids}]),
    ]
    json.dumps(announced[-1][1])


def test_emoji_stand_in_the_order_of_their_first_reaction(ada, grace, message):
    for person, emoji in ((ada, "🎉"), (ada, "👀"), (grace, "👍"), (grace, "🎉")):
        actions.add_reaction(person, message_id=message.pk, emoji=emoji)
    assert [emoji for emoji, _, _ in counted(message)] == ["🎉", "👀", "👍"]

    actions.remove_reaction(ada, message_id=message.pk, emoji="🎉")

    assert [(emoji, count) for emoji, count, _ in counted(message)] == [("👀", 1), ("👍", 1), ("🎉", 1)]


def test_a_repeat_changes_nothing_and_is_not_announced(ada, grace, general, message, announced):
    actions.add_reaction(grace, message_id=message.pk, emoji="\u2764\ufe0f")
    announced.clear()

    again = actions.add_reaction(grace, message_id=message.pk, emoji="\u2764")
    absent = actions.remove_reaction(ada, message_id=message.pk, emoji="\u2764\ufe0f")

    general.refresh_from_db()
    assert (again.version, absent.version, general.version, announced) == (2, 2, 2, [])
    assert counted(message) == [("\u2764\ufe0f", 1, [str(grace.pk)])]


def test_a_reaction_is_taken_back_by_whose_it_is(ada, grace, message, announced):
    for person in (ada, grace):
        actions.add_reaction(person, message_id=message.pk, emoji="👍")
    announced.clear()

    actions.remove_reaction(grace, message_id=message.pk, emoji="👍")
    assert counted(message) == [("👍", 1, [str(ada.pk)])]
    actions.remove_reaction(ada, message_id=message.pk, emoji="👍")

    assert (counted(message), message.version) == ([], 5)
    assert not Reaction.objects.exists()
    assert [data["version"] for _, data in announced] == [4, 5]


def test_a_guest_who_is_a_member_reacts(guest, general, message):
    Membership.objects.create(room=general, user=guest, role="guest")
    actions.add_reaction(guest, message_id=message.pk, emoji="👋")
    assert counted(message) == [("👋", 1, [str(guest.pk)])]


def leave(person: User, message: Message) -> None:
    Membership.objects.filter(user=person).delete()


def leave_private(person: User, message: Message) -> None:
    leave(person, message)
    Room.objects.update(kind="private")


def close_account(person: User, message: Message) -> None:
    person.is_active = False


def archive(person: User, message: Message) -> None:
    Room.objects.update(archived_at=timezone.now())


def delete(person: User, message: Message) -> None:
    Message.objects.filter(pk=message.pk).update(deleted_at=timezone.now())


def stream(person: User, message: Message) -> None:
    Message.objects.filter(pk=message.pk).update(status="streaming")


@pytest.mark.parametrize("react", [actions.add_reaction, actions.remove_reaction])
@pytest.mark.parametrize(
    ("before", "error"),
    [
        (leave, Forbidden),
        (leave_private, NotFound),
        (close_account, NotFound),
        (archive, Conflict),
        (delete, Conflict),
        (stream, Conflict),
    ],
)
def test_what_is_refused_changes_nothing_and_is_not_announced(
    grace, general, message, announced, react, before, error
):
    if react is actions.remove_reaction:
        actions.add_reaction(grace, message_id=message.pk, emoji="👍")
    before(grace, message)
    announced.clear()
    general.refresh_from_db()
    rows, version, shown = Reaction.objects.count(), general.version, counted(message)

    with pytest.raises(error):
        react(grace, message_id=message.pk, emoji="👍")

    general.refresh_from_db()
    assert (Reaction.objects.count(), general.version, counted(message)) == (rows, version, shown)
    assert announced == []


@pytest.mark.parametrize("react", [actions.add_reaction, actions.remove_reaction])
@pytest.mark.parametrize(
    ("message_id", "emoji", "error"),
    [(None, "nice", BadInput), (None, None, BadInput), (10**9, "👍", NotFound)],
)
def test_a_reaction_names_a_message_and_an_emoji(grace, message, react, message_id, emoji, error):
    with pytest.raises(error):
        react(grace, message_id=message_id or message.pk, emoji=emoji)
    assert not Reaction.objects.exists()


def test_a_message_has_a_limited_number_of_different_emoji(ada, grace, message, monkeypatch):
    monkeypatch.setattr("chat.actions.reactions.EMOJI_PER_MESSAGE", 2)
    for emoji in ("👍", "🎉"):
        actions.add_reaction(ada, message_id=message.pk, emoji=emoji)

    with pytest.raises(Conflict, match="at most 2"):
        actions.add_reaction(grace, message_id=message.pk, emoji="👀")

    actions.add_reaction(grace, message_id=message.pk, emoji="🎉")  # one that is there is no further one
    assert [(emoji, count) for emoji, count, _ in counted(message)] == [("👍", 1), ("🎉", 2)]


def test_deleting_a_message_takes_its_reactions_away(ada, grace, message):
    actions.add_reaction(grace, message_id=message.pk, emoji="👍")

    deleted = actions.delete_message(ada, message_id=message.pk)

    assert (deleted.reactions, counted(message)) == ([], [])
    assert not Reaction.objects.exists()


def test_other_changes_of_a_message_keep_its_reactions(ada, grace, message, announced):
    actions.add_reaction(grace, message_id=message.pk, emoji="👍")
    shown = [{"emoji": "👍", "count": 1, "userIds": [str(grace.pk)]}]

    edited = actions.edit_message(ada, message_id=message.pk, text="Shall we go?")

    assert edited.reactions == shown
    assert announced[-1][1]["reactions"] == shown


def test_twenty_at_once_are_each_counted_once_under_consistent_versions(general, message, announced):
    people = add_members(general, 20)
    emoji = ["👍", "🎉"]

    def react(n: int) -> int:
        try:
            return actions.add_reaction(people[n], message_id=message.pk, emoji=emoji[n % 2]).version
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        versions = list(pool.map(react, range(20)))

    general.refresh_from_db()
    assert sorted(versions) == list(range(2, 22))
    assert (general.version, Reaction.objects.count()) == (21, 20)
    shown = {mark: (count, set(ids)) for mark, count, ids in counted(message)}
    assert shown == {mark: (10, {str(p.pk) for p in people[n::2]}) for n, mark in enumerate(emoji)}
    assert message.version == 21
    counts = {data["version"]: sum(c["count"] for c in data["reactions"]) for _, data in announced}
    assert counts == {version: version - 1 for version in range(2, 22)}


def test_one_person_at_once_from_two_devices_counts_once(grace, message):
    def react(_: int) -> None:
        try:
            actions.add_reaction(grace, message_id=message.pk, emoji="👍")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(react, range(4)))

    assert (counted(message), message.version) == ([("👍", 1, [str(grace.pk)])], 2)


def test_so_many_users_are_named_and_all_are_counted(
    general, message, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(reactions, "USERS_LISTED", 2)
    people = add_members(general, 4)
    for person in people:
        actions.add_reaction(person, message_id=message.pk, emoji="👍")
    ids = [str(person.pk) for person in people]
    assert counted(message) == [("👍", 4, ids[:2])]

    with django_assert_num_queries(0):
        assert own_reactions(people[0], [message]) == {(message.pk, "👍")}
    with django_assert_num_queries(1):
        assert own_reactions(people[3], [message]) == {(message.pk, "👍")}
    actions.remove_reaction(people[0], message_id=message.pk, emoji="👍")
    assert counted(message) == [("👍", 3, ids[1:3])]


def test_pages_and_replays_read_reactions_without_a_query_of_their_own(
    ada, grace, general, message, django_assert_num_queries
):
    other = actions.post_message(ada, room_id=general.pk, text="Or not?")
    for target in (message, other):
        actions.add_reaction(grace, message_id=target.pk, emoji="👍")
    shown = [[{"emoji": "👍", "count": 1, "userIds": [str(grace.pk)]}]] * 2

    for read in (selectors.latest_messages, lambda room: selectors.changes_since(room, 0)):
        with django_assert_num_queries(1):
            payloads = [selectors.message_payload(found) for found in read(general)]
        assert [payload["reactions"] for payload in payloads] == shown


def test_reactions_make_nothing_unread(ada, grace, general, message):
    actions.mark_read(grace, room_id=general.pk, version=1)
    actions.add_reaction(ada, message_id=message.pk, emoji="👍")
    assert unread_count(Membership.objects.get(user=grace)) == 0
