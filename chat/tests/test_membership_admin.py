"""Memberships in Django admin follow the rules of the actions: people keep an owner, guests stay guests."""

import pytest
from django.urls import reverse

from chat.models import Membership

pytestmark = pytest.mark.django_db
OWNER, MEMBER = Membership.Role.OWNER, Membership.Role.MEMBER
NEEDS_OWNER = "A room needs an owner."


@pytest.fixture
def admin(client, ada):
    client.force_login(ada)
    return client


@pytest.fixture
def owned(general, ada, grace):
    """`general` with ada as its owner and grace as a member."""
    general.memberships.all().delete()
    for user, role in ((ada, OWNER), (grace, MEMBER)):
        Membership.objects.create(room=general, user=user, role=role)
    return general


def roles(room) -> dict[str, str]:
    return dict(room.memberships.values_list("user__username", "role"))


def save_room(client, room, **changes: dict[str, object]) -> str:
    """Send the room's page as it is shown, but with these changes of members' forms. Returns the page that follows."""
    address = reverse("admin:chat_room_change", args=[room.pk])
    page = client.get(address)
    [members] = [one.formset for one in page.context["inline_admin_formsets"]]
    sent = {
        name: value for name, value in page.context["adminform"].form.initial.items() if value is not None
    }
    for form in (members.management_form, *members.initial_forms):
        sent |= {
            form.add_prefix(name): form.get_initial_for_field(field, name)
            for name, field in form.fields.items()
        }
    for form in members.initial_forms:
        sent |= {
            form.add_prefix(name): value
            for name, value in changes.get(form.instance.user.username, {}).items()
        }
    sent = {name: value for name, value in sent.items() if value is not None and value is not False}
    return client.post(address, sent, follow=True).content.decode()


@pytest.mark.parametrize("change", [{"role": MEMBER}, {"DELETE": "on"}])
def test_the_page_of_a_room_leaves_its_people_an_owner(admin, owned, change):
    page = save_room(admin, owned, ada=change)

    assert NEEDS_OWNER in page
    assert roles(owned) == {"ada": OWNER, "grace": MEMBER}


def test_an_owner_goes_where_another_is_made_or_nobody_is_left(admin, owned):
    save_room(admin, owned, ada={"DELETE": "on"}, grace={"role": OWNER})
    assert roles(owned) == {"grace": OWNER}

    save_room(admin, owned, grace={"DELETE": "on"})
    assert roles(owned) == {}


def test_a_closed_account_is_no_owner_that_is_left(admin, owned, grace):
    grace.is_active = False
    grace.save()

    save_room(admin, owned, ada={"DELETE": "on"})

    assert roles(owned) == {"grace": MEMBER}  # nobody is there who could miss an owner


def test_a_membership_by_itself_keeps_the_only_owner(admin, owned):
    membership = owned.memberships.get(user__username="ada")
    page = admin.post(reverse("admin:chat_membership_change", args=[membership.pk]), {"role": MEMBER})
    assert NEEDS_OWNER in page.content.decode()

    refused = admin.post(reverse("admin:chat_membership_delete", args=[membership.pk]), {"post": "yes"})
    assert refused.status_code == 409 and NEEDS_OWNER in refused.content.decode()
    assert roles(owned) == {"ada": OWNER, "grace": MEMBER}


def test_a_membership_by_itself_can_be_changed_and_removed(admin, owned):
    membership = owned.memberships.get(user__username="grace")
    admin.post(reverse("admin:chat_membership_change", args=[membership.pk]), {"role": OWNER})
    assert roles(owned) == {"ada": OWNER, "grace": OWNER}

    admin.post(reverse("admin:chat_membership_delete", args=[membership.pk]), {"post": "yes"})
    assert roles(owned) == {"ada": OWNER}


def test_memberships_are_not_removed_by_a_choice_of_many(admin, owned):
    chosen = {
        "action": "delete_selected",
        "_selected_action": [str(one.pk) for one in owned.memberships.all()],
    }
    admin.post(reverse("admin:chat_membership_changelist"), {**chosen, "post": "yes"})
    assert roles(owned) == {"ada": OWNER, "grace": MEMBER}


def test_guests_stay_guests(admin, owned, guest):
    form = {"user": guest.pk, "room": owned.pk, "role": OWNER}
    page = admin.post(reverse("admin:chat_membership_add"), form).content.decode()
    assert "stays a guest" in page

    admin.post(reverse("admin:chat_membership_add"), form | {"role": MEMBER})
    assert roles(owned)[guest.username] == Membership.Role.GUEST
