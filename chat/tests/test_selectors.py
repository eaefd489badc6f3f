"""Who sees what."""

import pytest

from chat import actions, selectors
from chat.errors import NotFound
from chat.models import Membership, Room

pytestmark = pytest.mark.django_db(transaction=True)


def test_members_and_public_rooms_are_readable_and_private_ones_are_not(ada, grace, general, private):
    assert selectors.access_room(ada, str(private.pk)) == private
    assert selectors.access_room(grace, general.pk) == general
    with pytest.raises(NotFound) as absent:
        selectors.access_room(grace, 10**9)
    with pytest.raises(NotFound) as closed:
        selectors.access_room(grace, private.pk)
    assert str(absent.value) == str(closed.value)


def test_a_guest_sees_only_rooms_of_his_own_and_their_people(ada, grace, guest, general, private):
    other = Room.objects.create(name="lobby", kind=Room.Kind.PUBLIC)
    Membership.objects.create(room=other, user=guest, role=Membership.Role.GUEST)
    with pytest.raises(NotFound):
        selectors.access_room(guest, general.pk)
    assert list(selectors.rooms_of(guest)) == [other]
    assert list(selectors.users_visible_to(guest)) == [guest]


def test_unread_counts_are_of_others_messages_after_the_last_read_version(ada, grace, general):
    actions.post_message(ada, room_id=general.pk, text="one @grace")
    actions.post_message(ada, room_id=general.pk, text="two")
    actions.post_message(grace, room_id=general.pk, text="three")

    [room] = selectors.rooms_of(grace)
    assert (room.unread, room.mention_count, room.is_member) == (2, 1, True)

    assert actions.mark_read(grace, room_id=general.pk, version=1) == 1
    assert actions.mark_read(grace, room_id=general.pk, version=3) == 0
    assert actions.mark_read(grace, room_id=general.pk, version=1) == 0


def test_changes_since_a_version_come_in_the_order_of_their_versions(ada, general):
    first = actions.post_message(ada, room_id=general.pk, text="1")
    second = actions.post_message(ada, room_id=general.pk, text="2")
    actions.edit_message(ada, message_id=first.pk, text="1!")
    assert [(m.pk, m.version) for m in selectors.changes_since(general, 1)] == [(second.pk, 2), (first.pk, 3)]
    assert selectors.changes_since(general, 3) == []


def test_the_room_list_takes_one_query(ada, general, private, django_assert_num_queries):
    with django_assert_num_queries(1):
        list(selectors.rooms_of(ada))
