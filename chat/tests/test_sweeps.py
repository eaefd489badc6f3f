"""Access that ends is withdrawn from what is live, whatever else goes wrong."""

import time
from collections.abc import Iterable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from chat.access import sweeps
from chat.access.authentication import Caller, caller_from_session, caller_from_token, invalid_callers
from chat.access.sweeps import Findings, Sweeper, check_access
from chat.access.tokens import SignInSerializer
from chat.database import run_in_db
from chat.models import Membership, Room, SignIn, User
from chat.tests.socket_client import sign_in
from chat.tests.waiting import eventually


def by_token(user: User) -> Caller:
    refresh: Any = SignInSerializer.get_token(user)
    return caller_from_token(str(refresh.access_token))


def by_session(user: User) -> Caller:
    client = Client()
    client.force_login(user)
    caller = caller_from_session(client.session.session_key)
    assert caller is not None
    return caller


def change_password(user: User) -> None:
    user.set_password("another horse")
    user.save()


ENDINGS = {
    "signed out": lambda user: SignIn.objects.filter(user=user).update(revoked_at=timezone.now()),
    "password": change_password,
    "deactivated": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "removed": lambda user: User.objects.filter(pk=user.pk).delete(),
    "session removed": lambda user: Session.objects.all().delete(),
    "session over": lambda user: Session.objects.update(expire_date=timezone.now()),
}


def invalid(callers: Iterable[Caller], *, later_s: float = 0) -> set[Caller]:
    callers = list(callers)
    users = User.objects.in_bulk({caller.user.pk for caller in callers})
    return invalid_callers(callers, users, now=time.time() + later_s)


@pytest.mark.parametrize(
    ("make", "ending"),
    [
        (by_token, "signed out"),
        (by_token, "password"),
        (by_token, "deactivated"),
        (by_token, "removed"),
        (by_session, "password"),
        (by_session, "deactivated"),
        (by_session, "session removed"),
        (by_session, "session over"),
    ],
)
def test_a_proof_ends(ada, grace, make, ending):
    caller, other = make(grace), by_token(ada)
    assert invalid([caller, other]) == set()

    ENDINGS[ending](User.objects.get(pk=grace.pk))

    assert invalid([caller, other]) == {caller}


def test_a_token_expires(ada):
    caller, session = by_token(ada), by_session(ada)

    assert invalid([caller, session], later_s=14 * 60) == set()
    assert invalid([caller, session], later_s=16 * 60) == {caller}


def test_a_caller_without_a_proof_is_invalid(ada):
    assert invalid([Caller(ada)]) == {Caller(ada)}


@pytest.mark.parametrize("count", [1, 7])
def test_a_check_takes_the_same_queries_for_any_number(general, django_assert_num_queries, count):
    people = [User.objects.create_user(f"user {n}", password="correct horse") for n in range(count)]
    callers = {make(user) for user in people for make in (by_token, by_session)}

    with django_assert_num_queries(4):
        found = check_access(callers, {(user.pk, general.pk) for user in people})

    assert (found.callers, found.rooms, set(found.users.values())) == (set(), set(), set(people))


def test_rooms_are_lost_as_access_to_them_is(ada, grace, guest, general, private, django_user_model):
    gone = django_user_model.objects.create_user("gone", is_active=False)
    Membership.objects.create(room=private, user=grace)
    Membership.objects.create(room=private, user=gone)
    public = Room.objects.create(name="public", kind=Room.Kind.PUBLIC)
    users = (ada, grace, guest, gone)
    pairs = {(user.pk, room.pk) for user in users for room in (general, private, public)}

    lost = check_access(set(), pairs).rooms

    readable = {(user.pk, room.pk) for user in (ada, grace) for room in (general, private, public)}
    assert pairs - lost == readable


class Live:
    """Something live; `fails` makes it fail where its access should end."""

    def __init__(self, user_id: int, *, fails: bool = False) -> None:
        self.caller = Caller(User(pk=user_id))
        self.user_id = user_id
        self.fails = fails
        self.ended = False

    def room_ids(self):
        return ()

    def end_access(self) -> None:
        if self.fails:
            raise ZeroDivisionError
        self.ended = True

    def lose_room(self, room_id: int) -> None: ...

    def update_user(self, user: User) -> None: ...


@pytest.fixture
def quick_sweeps(monkeypatch):
    monkeypatch.setattr(sweeps, "SWEEP_INTERVAL_S", 0.02)


@pytest.mark.django_db(transaction=True)
async def test_a_sweep_that_fails_is_told_and_the_next_one_withdraws_access(
    quick_sweeps, monkeypatch, caplog
):
    outcomes = iter([RuntimeError("a bug"), KeyError("another"), None])

    def check(callers, rooms):
        if (error := next(outcomes, None)) is not None:
            raise error
        return Findings(callers=callers)

    monkeypatch.setattr(sweeps, "check_access", check)
    sweeper, one = Sweeper(), Live(1)
    sweeper.add(one)

    await eventually(lambda: one.ended)

    assert caplog.text.count("access could not be checked") == 2
    sweeper.discard(one)
    await eventually(lambda: sweeper._task.done())


@pytest.mark.django_db(transaction=True)
async def test_one_that_fails_to_end_does_not_save_the_others(quick_sweeps, monkeypatch, caplog):
    monkeypatch.setattr(sweeps, "check_access", lambda callers, rooms: Findings(callers=callers))
    sweeper, live = Sweeper(), [Live(1, fails=True), Live(2), Live(3, fails=True), Live(4)]
    for one in live:
        sweeper.add(one)

    await eventually(lambda: live[1].ended and live[3].ended)

    assert "could not be withdrawn" in caplog.text
    live[0].fails = False
    await eventually(lambda: live[0].ended)
    for one in live:
        sweeper.discard(one)


@pytest.mark.django_db(transaction=True)
async def test_a_changed_password_ends_a_live_token_connection(ada, quick_sweeps):
    client = await sign_in(ada)

    await run_in_db(change_password, ada)

    assert (await client.closed())[-1] == "41"
