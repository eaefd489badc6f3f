"""`createUser` by somebody who is not signed in, with an invitation."""

import pytest

from chat.actions import create_invitation
from chat.database import run_in_db
from chat.models import Invitation, Membership, User

pytestmark = pytest.mark.django_db(transaction=True)
CREATE = "mutation($input: CreateUserInput!) { createUser(input: $input) { username displayName email } }"
LINUS = {"username": "linus", "password": "a penguin named", "email": "linus@example.org"}


async def test_a_stranger_with_an_invitation_makes_an_account_and_signs_in(as_user, http, ada, general):
    made = await run_in_db(lambda: create_invitation(ada, room_ids=[general.pk]))

    user = await as_user(None).data(CREATE, input=LINUS | {"invitation": made.token})
    signed_in = await http.post("/api/token/", json={"username": "linus", "password": "a penguin named"})

    # Nobody is signed in yet, so nobody is shown the address.
    assert user["createUser"] == {"username": "linus", "displayName": "linus", "email": None}
    assert signed_in.status_code == 200
    assert await Membership.objects.filter(room=general, user__username="linus").aexists()
    assert (await as_user(None).error(CREATE, input=LINUS | {"invitation": made.token}))[
        "code"
    ] == "NOT_FOUND"


async def test_without_a_usable_invitation_nothing_is_told_of_names_and_nothing_made(as_user, ada, grace):
    told = [
        await as_user(caller).run(CREATE, input={"username": name, "password": "x", "invitation": "no such"})
        for caller in (None, grace, ada)
        for name in ("ada", "free")
    ]
    assert [one["errors"][0]["extensions"]["code"] for one in told] == ["NOT_FOUND"] * 6
    assert len({str(one["errors"]) for one in told}) == 1
    assert (await as_user(None).error(CREATE, input=LINUS))["code"] == "UNAUTHENTICATED"
    assert await User.objects.acount() == 2


async def test_a_name_that_is_taken_uses_nothing_up(as_user, ada):
    made = await run_in_db(lambda: create_invitation(ada))
    extensions = await as_user(None).error(
        CREATE, input=LINUS | {"username": "Ada", "invitation": made.token}
    )
    assert (extensions["code"], extensions["fields"]) == ("BAD_USER_INPUT", {"username": "is taken"})
    assert (await Invitation.objects.aget()).uses == 0


async def test_accounts_are_limited_by_address(as_user, ada, limited):
    limited("signups", address=(0.001, 2))
    made = await run_in_db(lambda: create_invitation(ada))
    values = LINUS | {"username": "ada", "invitation": made.token}
    codes = [(await as_user(None).error(CREATE, input=values))["code"] for _ in range(3)]
    assert codes == ["BAD_USER_INPUT", "BAD_USER_INPUT", "RATE_LIMITED"]
