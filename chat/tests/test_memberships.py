"""Who may put whom into a room, and as what. A refusal changes nothing and announces nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from chat import actions
from chat.errors import BadInput, Conflict, DomainError, Forbidden, NotFound
from chat.models import Membership, Message, Room, User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(db) -> dict[str, User]:
    """Nobody among them is an admin."""
    names = ("owner", "moderator", "member", "outsider")
    return {name: User.objects.create_user(name, display_name=name.title()) for name in names}


@pytest.fixture
def room(people) -> Room:
    room = Room.objects.create(name="team", kind=Room.Kind.PUBLIC)
    for role in ("owner", "moderator", "member"):
        Membership.objects.create(room=room, user=people[role], role=role)
    return room


def roles(room) -> dict[str, str]:
    return dict(Membership.objects.filter(room=room).values_list("user__username", "role"))


def said(room) -> list[str]:
    return list(Message.objects.filter(room=room).order_by("version").values_list("text", flat=True))


@pytest.mark.parametrize("role", ["owner", "moderator"])
@pytest.mark.parametrize("whom", ["moderator", "member", "outsider", "owner"])
def test_a_moderator_makes_nobody_owner_or_moderator(people, room, announced, whom, role):
    before = roles(room)

    if before.get(whom) == role:  # what somebody is already needs no right
        actions.add_member(people["moderator"], room_id=room.pk, user_id=people[whom].pk, role=role)
    else:
        with pytest.raises(Forbidden):
            actions.add_member(people["moderator"], room_id=room.pk, user_id=people[whom].pk, role=role)

    assert (roles(room), said(room), announced) == (before, [], [])


@pytest.mark.parametrize("whom", ["owner", "moderator"])
def test_a_moderator_touches_no_owner_or_moderator(people, room, announced, whom):
    before, ids = roles(room), {"room_id": room.pk, "user_id": people[whom].pk}

    with pytest.raises(Forbidden):
        actions.remove_member(people["moderator"], **ids)
    with pytest.raises(Forbidden):
        actions.change_role(people["moderator"], **ids, role="member")
    with pytest.raises(Forbidden):
        actions.add_member(people["moderator"], **ids, role="guest")

    assert (roles(room), said(room), announced) == (before, [], [])


def test_a_moderator_adds_and_removes_members(people, room):
    moderator, outsider = people["moderator"], people["outsider"]

    actions.add_member(moderator, room_id=room.pk, user_id=outsider.pk)
    assert roles(room)["outsider"] == "member"
    actions.change_role(moderator, room_id=room.pk, user_id=outsider.pk, role="guest")
    assert roles(room)["outsider"] == "guest"
    assert actions.remove_member(moderator, room_id=room.pk, user_id=outsider.pk) is True

    assert "outsider" not in roles(room)
    assert said(room) == ["added Outsider", "made Outsider a guest", "removed Outsider"]


@pytest.mark.parametrize("who", ["member", "outsider"])
def test_members_and_outsiders_change_no_memberships(people, room, announced, who):
    before, ids = roles(room), {"room_id": room.pk, "user_id": people["member"].pk}
    for refused in (
        lambda: actions.add_member(people[who], **ids, role="moderator"),
        lambda: actions.change_role(people[who], **ids, role="moderator"),
        lambda: actions.remove_member(people[who], **ids),
    ):
        with pytest.raises(Forbidden):
            refused()
    assert (roles(room), announced) == (before, [])


def test_an_owner_gives_and_takes_roles_and_the_room_is_told(people, room, announced):
    owner = people["owner"]
    ids = {"room_id": room.pk, "user_id": people["member"].pk}

    assert actions.add_member(owner, **ids, role="moderator").role == "moderator"
    assert actions.change_role(owner, **ids, role="owner").role == "owner"
    assert actions.change_role(owner, **ids, role="owner").role == "owner"
    assert actions.change_role(owner, **ids, role="member").role == "member"
    actions.add_member(owner, room_id=room.pk, user_id=people["outsider"].pk, role="moderator")

    expected = [
        "made Member a moderator",
        "made Member an owner",
        "made Member a member",
        "added Outsider as a moderator",
    ]
    assert said(room) == expected
    said_live = [(name, data) for name, data in announced if name != "memberships-changed"]
    assert [(name, data["text"], data["version"]) for name, data in said_live] == [
        ("new-message", text, version) for version, text in enumerate(expected, 1)
    ]


@pytest.mark.parametrize("whom", ["owner", "moderator", "member"])
def test_adding_who_is_there_takes_nothing_away(people, room, announced, whom):
    before = roles(room)

    again = actions.add_member(people["owner"], room_id=room.pk, user_id=people[whom].pk)

    assert again.role == whom
    assert (roles(room), said(room), announced) == (before, [], [])


def test_the_last_owner_stays_while_others_are_there(people, room, announced, ada):
    before, owner = roles(room), people["owner"]
    ids = {"room_id": room.pk, "user_id": owner.pk}
    for refused in (
        lambda: actions.leave_room(owner, room_id=room.pk),
        lambda: actions.remove_member(owner, **ids),
        lambda: actions.change_role(owner, **ids, role="member"),
        lambda: actions.add_member(owner, **ids, role="moderator"),
        lambda: actions.remove_member(ada, **ids),
    ):
        with pytest.raises(Conflict):
            refused()
    assert (roles(room), said(room), announced) == (before, [], [])

    actions.change_role(owner, room_id=room.pk, user_id=people["member"].pk, role="owner")
    assert actions.leave_room(owner, room_id=room.pk) is True
    assert roles(room) == {"moderator": "moderator", "member": "owner"}


def test_an_owner_whose_account_is_closed_does_not_count(people, room):
    Membership.objects.filter(user=people["member"]).update(role="owner")
    User.objects.filter(pk=people["member"].pk).update(is_active=False)
    with pytest.raises(Conflict):
        actions.leave_room(people["owner"], room_id=room.pk)


def test_the_only_person_of_a_room_may_leave_it(people, room, parley):
    Membership.objects.filter(room=room).exclude(user=people["owner"]).delete()
    Membership.objects.create(room=room, user=parley)
    assert actions.leave_room(people["owner"], room_id=room.pk) is True
    assert roles(room) == {"parley": "member"}


def test_an_admin_needs_no_role_in_the_room(people, room, ada):
    actions.add_member(ada, room_id=room.pk, user_id=people["member"].pk, role="owner")
    assert actions.remove_member(ada, room_id=room.pk, user_id=people["owner"].pk) is True
    assert roles(room) == {"moderator": "moderator", "member": "owner"}


def test_a_guests_account_stays_a_guests(people, room, guest, announced):
    ids = {"room_id": room.pk, "user_id": guest.pk}
    assert actions.add_member(people["owner"], **ids).role == "guest"
    version = len(announced)
    for role in ("owner", "moderator", "king"):
        with pytest.raises(BadInput):
            actions.change_role(people["owner"], **ids, role=role)
    assert actions.change_role(people["owner"], **ids, role="member").role == "guest"
    assert (roles(room)["guest"], len(announced)) == ("guest", version)


def test_somebody_who_is_not_there_has_no_role_to_change(people, room):
    with pytest.raises(NotFound):
        actions.change_role(people["owner"], room_id=room.pk, user_id=people["outsider"].pk, role="guest")
    assert actions.remove_member(people["owner"], room_id=room.pk, user_id=people["outsider"].pk) is False


def test_two_owners_who_leave_at_once_do_not_leave_the_room_without_one(people, room):
    Membership.objects.filter(user=people["moderator"]).update(role="owner")

    def leave(user: User) -> str:
        try:
            actions.leave_room(user, room_id=room.pk)
        except DomainError as error:
            return error.code
        finally:
            connections.close_all()
        return "left"

    with ThreadPoolExecutor(2) as pool:
        results = sorted(pool.map(leave, (people["owner"], people["moderator"])))

    assert results == ["CONFLICT", "left"]
    assert sorted(roles(room).values()) == ["member", "owner"]
