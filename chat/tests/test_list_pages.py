"""The lists of rooms and people, and the forms that change them, without JavaScript."""

import pytest
from django.urls import reverse

from chat import actions
from chat.models import Membership, Room
from chat.tests.pages import page


def test_the_list_shows_unread_messages_and_mentions(as_grace, ada, general):
    actions.post_message(ada, room_id=general.pk, text="one")
    actions.post_message(ada, room_id=general.pk, text="two @grace")

    html = page(as_grace, "people").content.decode()

    assert 'data-unread="2" data-mentions="1"' in html


def test_marking_as_read_without_a_script(as_grace, ada, grace, general):
    actions.post_message(ada, room_id=general.pk, text="one")

    as_grace.post(f"/rooms/{general.pk}/read/")

    assert 'data-unread="0"' in page(as_grace, "people").content.decode()


def test_a_page_that_goes_tells_what_was_seen(as_grace, ada, general):
    seen = actions.post_message(ada, room_id=general.pk, text="one")
    actions.post_message(ada, room_id=general.pk, text="two")

    response = as_grace.post(f"/rooms/{general.pk}/read/", {"version": str(seen.version)})

    assert response.status_code == 204
    assert 'data-unread="1"' in page(as_grace, "people").content.decode()


def test_a_direct_room_is_called_by_the_other_person(as_ada, grace, general):
    response = as_ada.post(f"/people/{grace.pk}/message/", follow=True)

    assert response.context["room"].kind == "direct"
    assert "<title>Grace · Parley</title>" in response.content.decode()


def test_a_guest_cannot_write_to_somebody_who_shares_no_room(as_guest, ada):
    assert as_guest.post(f"/people/{ada.pk}/message/").status_code == 404
    assert not Room.objects.filter(kind="direct").exists()


def test_people_lists_only_whom_one_may_see(as_guest, ada, grace):
    html = page(as_guest, "people").content.decode()

    assert "@guest" in html
    assert "@grace" not in html


def test_a_room_is_made_by_the_form(as_grace):
    response = as_grace.post("/rooms/", {"name": "release", "topic": "", "kind": "private"})

    made = Room.objects.get(name="release")
    assert response["Location"] == f"/rooms/{made.pk}/"
    assert made.kind == "private"


def test_a_name_that_is_taken_is_told_at_its_field(as_grace, general):
    response = as_grace.post("/rooms/", {"name": "General", "topic": "", "kind": "public"})

    assert "There is a room with that name already." in response.content.decode()
    assert Room.objects.count() == 1


def test_a_guest_makes_no_room(as_guest):
    assert "New room" not in page(as_guest, "rooms").content.decode()
    assert as_guest.post("/rooms/", {"name": "mine", "kind": "public"}).status_code == 403
    assert not Room.objects.exists()


def test_an_owner_adds_and_removes_members(as_ada, grace, private):
    as_ada.post(f"/rooms/{private.pk}/members/", {"add": str(grace.pk)})
    assert Membership.objects.filter(room=private, user=grace).exists()

    as_ada.post(f"/rooms/{private.pk}/members/", {"remove": str(grace.pk)})
    assert not Membership.objects.filter(room=private, user=grace).exists()


def test_a_member_without_the_role_adds_nobody(as_grace, guest, general):
    assert as_grace.post(f"/rooms/{general.pk}/members/", {"add": str(guest.pk)}).status_code == 403
    assert as_grace.post(f"/rooms/{general.pk}/members/", {"remove": str(guest.pk)}).status_code == 403
    assert general.memberships.count() == 2


def test_leaving_a_room_ends_the_membership(as_grace, grace, general):
    assert as_grace.post(f"/rooms/{general.pk}/leave/")["Location"] == "/rooms/"
    assert not general.memberships.filter(user=grace).exists()


@pytest.mark.parametrize("name", ["room", "members"])
def test_a_fragment_is_the_part_alone(as_grace, general, name):
    response = as_grace.get(reverse(name, args=[general.pk]), headers={"X-Fragment": "1"})

    assert "<html" not in response.content.decode()
