"""What members have not read, for many at once."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat import actions, unread
from chat.models import Membership, Room
from chat.unread import Standing, read_standings, unread_count, with_unread

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_standing_of_each_member_of_each_room_takes_two_queries(ada, grace, general, private):
    first = actions.post_message(ada, room_id=general.pk, text="one")
    actions.post_message(grace, room_id=general.pk, text="two")
    actions.post_message(ada, room_id=general.pk, text="three")
    actions.post_message(ada, room_id=private.pk, text="by ada")
    actions.mark_read(grace, room_id=general.pk, version=first.version)
    pairs = [(ada.pk, general.pk), (grace.pk, general.pk), (ada.pk, private.pk), (grace.pk, private.pk)]

    with CaptureQueriesContext(
        connection,
    ) as queries:
        standings = read_standings(pairs)

    assert sorted(standings, key=lambda standing: (standing.room_id, standing.user_id)) == [
        Standing(ada.pk, general.pk, 3, 1),
        Standing(grace.pk, general.pk, 3, 1),
        Standing(ada.pk, private.pk, 1, 0),
    ]
    assert len(queries) == 2


def annotated(user, room) -> tuple[int, int]:
    [found] = with_unread(Room.objects.filter(pk=room.pk), user)
    return found.unread, found.mention_count


def test_unread_is_what_one_room_alone_is_asked_for(ada, grace, general):
    messages = [
        actions.post_message([ada, grace][n % 3 == 0], room_id=general.pk, text=f"number {n}")
        for n in range(9)
    ]
    actions.delete_message(ada, message_id=messages[5].pk)
    actions.edit_message(ada, message_id=messages[1].pk, text="edited")

    for read in range(12):
        Membership.objects.filter(user=grace).update(last_read_version=read)
        for membership in Membership.objects.filter(room=general):
            [standing] = read_standings([(membership.user_id, general.pk)])
            assert standing.unread == unread_count(membership)
            assert annotated(membership.user, general) == (standing.unread, 0)
        both = read_standings([(ada.pk, general.pk), (grace.pk, general.pk)])
        assert {s.user_id: s.unread for s in both} == {
            m.user_id: unread_count(m) for m in Membership.objects.filter(room=general)
        }


def test_only_the_newest_messages_count(ada, grace, general, monkeypatch):
    monkeypatch.setattr(unread, "NEWEST_MESSAGES", 3)
    for n in range(5):
        actions.post_message(ada, room_id=general.pk, text=f"number {n}")

    assert read_standings([(grace.pk, general.pk)]) == [Standing(grace.pk, general.pk, 5, 3)]
    assert unread_count(Membership.objects.get(user=grace, room=general)) == 3
    assert annotated(grace, general) == (3, 0)


def test_mentions_count_among_what_is_unread(ada, grace, general, private, monkeypatch):
    monkeypatch.setattr(unread, "NEWEST_MESSAGES", 3)
    actions.post_message(ada, room_id=general.pk, text="@grace is too far back to count")
    actions.post_message(ada, room_id=general.pk, text="@grace hello")
    actions.post_message(grace, room_id=general.pk, text="@grace talks to herself")
    actions.post_message(ada, room_id=general.pk, text="@ada talks to herself")

    assert annotated(grace, general) == (2, 1)
    assert annotated(ada, general) == (1, 0), "what she wrote herself counts for nothing"
    assert annotated(grace, private) == (0, 0), "grace is no member"


def test_no_pairs_have_no_standings(db):
    assert read_standings([]) == []
