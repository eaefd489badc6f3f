"""Who sees what."""

import pytest
from django.db import transaction

from chat import actions, selectors
from chat.errors import NotFound
from chat.models import Membership, Room, User
from chat.unread import unread_count

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


def test_a_guest_sees_every_bot_and_no_other_stranger(ada, grace, guest, parley):
    User.objects.create(username="old", is_bot=True, is_active=False)
    assert list(selectors.users_visible_to(guest).order_by("username")) == [guest, parley]
    assert selectors.access_user(guest, str(parley.pk)) == parley
    for stranger in (grace.pk, 10**9, "x"):
        with pytest.raises(NotFound):
            selectors.access_user(guest, stranger)


def test_bots_of_the_room_then_its_people_then_other_bots_can_be_mentioned(
    ada, grace, guest, parley, general
):
    helper = User.objects.create(username="helper", is_bot=True, bot_task="x")
    Membership.objects.create(room=general, user=helper)
    User.objects.create(username="old", is_bot=True, is_active=False)
    assert selectors.mentionable_users(general) == [helper, ada, grace, parley]


@pytest.mark.parametrize(
    ("role", "manages"), [("owner", True), ("moderator", True), ("member", False), ("guest", False)]
)
def test_owners_moderators_and_admins_manage_a_room(ada, grace, general, role, manages):
    Membership.objects.filter(user=grace).update(role=role)
    assert selectors.manages_room(grace, general) is manages
    assert selectors.manages_room(ada, general) is True


def test_unread_messages_are_counted_without_joining_back(ada, grace, general, django_assert_num_queries):
    actions.post_message(ada, room_id=general.pk, text="one")
    membership = Membership.objects.get(user=grace)
    with django_assert_num_queries(1) as queries:
        assert unread_count(membership) == 1
    assert "JOIN" not in queries[0]["sql"]


def test_a_closed_account_reads_no_message(ada, grace, general):
    message = actions.post_message(ada, room_id=general.pk, text="one")
    grace.is_active = False
    for lock in (False, True):
        with pytest.raises(NotFound), transaction.atomic():
            selectors.access_message(grace, message.pk, lock=lock)
