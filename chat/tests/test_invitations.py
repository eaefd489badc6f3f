"""Invitations: made and withdrawn by admins, accepted by who holds the link, as often as they say."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.urls import reverse
from django.utils import timezone

from chat import actions
from chat.actions import accept_invitation, create_invitation, revoke_invitations
from chat.errors import BadInput, DomainError, Forbidden, NotFound
from chat.models import Invitation, Membership, Message, User

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "a penguin named"


def accept(token: object, username: str = "linus", **values) -> User:
    return accept_invitation(token=token, username=username, **({"password": PASSWORD} | values))


def test_who_holds_an_invitation_makes_an_account_that_is_in_its_rooms(ada, general, private):
    made = create_invitation(ada, note="Linus", room_ids=[general.pk, private.pk])

    user = accept(made.token, email="linus@example.org", display_name="Linus T.")

    assert user.check_password(PASSWORD)
    assert (user.email, user.display_name, user.is_guest) == ("linus@example.org", "Linus T.", False)
    assert not (user.is_staff or user.is_superuser)
    roles = Membership.objects.filter(user=user).values_list("room__name", "role")
    assert set(roles) == {("general", "member"), ("engineering", "member")}
    assert set(Message.objects.filter(author=user).values_list("text", flat=True)) == {"joined"}


def test_an_invitation_of_a_guest_makes_a_guest(ada, private):
    made = create_invitation(ada, is_guest=True, room_ids=[private.pk])
    user = accept(made.token)
    assert user.is_guest
    assert Membership.objects.get(user=user).role == "guest"


def test_an_invitation_of_a_guest_without_a_room_is_refused(client, ada):
    with pytest.raises(BadInput) as refused:
        create_invitation(ada, is_guest=True)
    assert refused.value.fields == {"roomIds": "must name a room"}

    client.force_login(ada)
    form = {
        "max_uses": "1",
        "expires_at_0": f"{timezone.now() + timedelta(days=1):%Y-%m-%d}",
        "expires_at_1": "12:00:00",
        "is_guest": "on",
    }
    page = client.post(reverse("admin:chat_invitation_add"), form)
    assert page.context["adminform"].errors == {
        "rooms": ["A guest sees only the rooms he or she is in: choose at least one."]
    }
    assert not Invitation.objects.exists()


def test_a_room_that_was_archived_meanwhile_is_left_out(ada, general):
    made = create_invitation(ada, room_ids=[general.pk])
    actions.archive_room(ada, room_id=general.pk)
    assert not Membership.objects.filter(user=accept(made.token)).exists()


def test_the_token_itself_is_not_stored(ada):
    made = create_invitation(ada)
    stored = Invitation.objects.filter(pk=made.invitation.pk).values().get()
    assert made.token not in str(stored)
    assert re.fullmatch(r"[\w-]{43}", made.token)


def _expired(token, invitation):
    Invitation.objects.filter(pk=invitation.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def _withdrawn(token, invitation):
    assert revoke_invitations(invitation.created_by, [invitation.pk]) == 1
    assert revoke_invitations(invitation.created_by, [invitation.pk]) == 0


def test_only_an_admin_withdraws(ada, grace):
    made = create_invitation(ada)

    with pytest.raises(Forbidden):
        revoke_invitations(grace, [made.invitation.pk])

    assert accept(made.token).pk


def _used_up(token, invitation):
    accept(token, "bob")


def _of_a_former_admin(token, invitation):
    User.objects.filter(pk=invitation.created_by_id).update(is_superuser=False)


def _of_a_closed_account(token, invitation):
    User.objects.filter(pk=invitation.created_by_id).update(is_active=False)


@pytest.mark.parametrize("end", [_expired, _withdrawn, _used_up, _of_a_former_admin, _of_a_closed_account])
def test_an_invitation_that_ended_is_like_one_that_never_was(ada, end):
    made = create_invitation(ada)
    end(made.token, made.invitation)
    people = User.objects.count()

    with pytest.raises(NotFound) as refused:
        accept(made.token)
    for unknown in ("unknown", "", None, 7, ["x"], "\ud800"):
        with pytest.raises(NotFound) as never:
            accept(unknown)
        assert refused.value.as_dict() == never.value.as_dict()
    assert User.objects.count() == people


def test_without_an_invitation_nobody_learns_which_names_are_taken(ada):
    told = []
    for name, password in (("ada", PASSWORD), ("free", PASSWORD), ("free", "x")):
        with pytest.raises(DomainError) as refused:
            accept("unknown", name, password=password)
        told.append(refused.value.as_dict())
    assert told == [told[0]] * 3


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"username": "ADA"}, "username"),
        ({"username": "a b"}, "username"),
        ({"password": "short"}, "password"),
        ({"password": "linus-1234", "username": "linus-1234"}, "password"),
        ({"email": "nowhere"}, "email"),
        ({"display_name": "d" * 81}, "displayName"),
    ],
)
def test_what_cannot_be_used_is_told_and_uses_nothing_up(ada, values, field):
    made = create_invitation(ada)
    with pytest.raises(BadInput) as refused:
        accept(made.token, **values)
    assert list(refused.value.fields) == [field]
    assert Invitation.objects.get().uses == 0
    assert list(User.objects.all()) == [ada]


def test_many_who_accept_at_once_are_no_more_than_it_allows(ada):
    made = create_invitation(ada, max_uses=3)

    def try_one(number: int) -> bool:
        try:
            accept(made.token, f"person{number}")
        except NotFound:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_one, range(8))) == 3
    assert Invitation.objects.get().uses == 3
    assert User.objects.filter(username__startswith="person").count() == 3


def test_only_admins_invite(ada, grace, general):
    with pytest.raises(Forbidden):
        create_invitation(grace)
    for wrong in ({"max_uses": 0}, {"expires_at": timezone.now()}, {"note": "n" * 121}):
        with pytest.raises(BadInput):
            create_invitation(ada, **wrong)
    with pytest.raises(NotFound):
        create_invitation(ada, room_ids=[0])
    direct = actions.open_direct_room(ada, other_id=grace.pk)
    with pytest.raises(BadInput):
        create_invitation(ada, room_ids=[direct.pk])
    assert not Invitation.objects.exists()


# ------------------------------------------------------------------------------------------------- pages

FORM = {"username": "linus", "password": PASSWORD, "password_again": PASSWORD}


def test_the_link_leads_to_a_form_and_the_form_into_the_room(client, ada, general):
    address = reverse("join", args=[create_invitation(ada, room_ids=[general.pk]).token])
    page = client.get(address)
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]

    done = client.post(address, FORM, follow=True)

    assert done.redirect_chain[-1][0] == reverse("room", args=[general.pk])
    assert done.context["user"].username == "linus"


def test_a_form_that_cannot_be_used_says_why_and_keeps_what_was_typed(client, ada):
    address = reverse("join", args=[create_invitation(ada).token])
    wrong = {"username": "ada", "display_name": "Linus T.", "password": PASSWORD, "password_again": PASSWORD}

    taken = client.post(address, wrong)
    differ = client.post(address, wrong | {"password_again": "another"})

    assert (taken.status_code, differ.status_code) == (400, 400)
    assert "This is taken." in taken.content.decode()
    assert 'value="Linus T."' in taken.content.decode()
    assert "The two passwords differ." in differ.content.decode()
    assert PASSWORD not in taken.content.decode()


def test_a_link_that_opens_nothing_says_so(client, ada):
    for method in (client.get, client.post):
        page = method(reverse("join", args=["unknown"]), FORM)
        assert page.status_code == 404
        assert "Ask for another one" in page.content.decode()
    assert User.objects.count() == 1


def test_who_is_signed_in_needs_no_account(client, ada, grace):
    made = create_invitation(ada)
    client.force_login(grace)
    assert client.get(reverse("join", args=[made.token])).status_code == 302
    assert Invitation.objects.get().uses == 0


def test_trying_again_and_again_is_limited_by_address(client, ada, limited):
    limited("signups", address=(0.001, 2))
    address = reverse("join", args=[create_invitation(ada).token])
    statuses = [client.post(address, FORM | {"username": "ada"}).status_code for _ in range(3)]
    assert statuses == [400, 400, 429]


def test_an_admin_makes_one_sees_its_link_once_and_withdraws_it(client, ada, general):
    client.force_login(ada)
    form = {
        "note": "For Linus",
        "max_uses": "2",
        "expires_at_0": f"{timezone.now() + timedelta(days=1):%Y-%m-%d}",
        "expires_at_1": "12:00:00",
        "rooms": [str(general.pk)],
    }
    page = client.post(reverse("admin:chat_invitation_add"), form, follow=True).content.decode()
    [token] = re.findall(r"http://testserver/join/([\w-]+)/", page)
    invitation = Invitation.objects.get()
    assert (invitation.created_by, invitation.max_uses, list(invitation.rooms.all())) == (ada, 2, [general])
    again = client.get(reverse("admin:chat_invitation_changelist")).content.decode()
    shown = client.get(reverse("admin:chat_invitation_change", args=[invitation.pk])).content.decode()
    assert token not in again + shown

    user = accept(token)
    assert Membership.objects.filter(user=user, room=general).exists()
    chosen = {"action": "revoke", "_selected_action": [invitation.pk]}
    assert (
        "1 invitations withdrawn"
        in client.post(reverse("admin:chat_invitation_changelist"), chosen, follow=True).content.decode()
    )
    with pytest.raises(NotFound):
        accept(token, "bob")


def test_staff_who_are_no_admins_make_none(client, grace):
    User.objects.filter(pk=grace.pk).update(is_staff=True)
    client.force_login(grace)
    assert client.get(reverse("admin:chat_invitation_add")).status_code == 403
