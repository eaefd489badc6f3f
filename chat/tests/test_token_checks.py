import asyncio
from typing import Any

import pytest
from django.db import DataError, OperationalError, connection
from django.test.utils import CaptureQueriesContext

from chat.access import token_checks
from chat.access.authentication import (
    caller_from_scope,
    caller_from_scope_soon,
    callers_from_tokens,
    callers_from_tokens_soon,
)
from chat.access.token_checks import TokenChecks
from chat.database import run_in_db
from chat.errors import Unauthenticated
from chat.models import SignIn
from chat.tests.socket_client import access_token

pytestmark = pytest.mark.django_db(transaction=True)


async def test_tokens_that_come_while_others_are_checked_are_one_batch(ada, grace, monkeypatch):
    batches: list[int] = []

    async def check(tokens):
        batches.append(len(tokens))
        return await callers_from_tokens_soon(tokens)

    monkeypatch.setattr(token_checks, "callers_from_tokens_soon", check)
    tokens = [await access_token(user) for user in (ada, grace, ada)]
    checks = TokenChecks()
    first = asyncio.create_task(checks.caller(tokens[0]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    others = await asyncio.gather(
        *(checks.caller(token) for token in [*tokens[1:], "rubbish"]), return_exceptions=True
    )

    assert (await first).user == ada
    assert [getattr(caller, "user", type(caller)) for caller in others] == [grace, ada, Unauthenticated]
    assert batches == [1, 3]


async def test_all_of_a_batch_hear_that_the_database_is_away(monkeypatch):
    async def fail(tokens):
        raise OperationalError("away")

    monkeypatch.setattr(token_checks, "callers_from_tokens_soon", fail)
    checks = TokenChecks()

    answers = await asyncio.gather(checks.caller("a"), checks.caller("b"), return_exceptions=True)

    assert [type(answer) for answer in answers] == [OperationalError] * 2


@pytest.mark.parametrize("error", [ValueError, DataError])
async def test_nobody_inherits_the_error_of_a_neighbours_token(ada, monkeypatch, error):
    async def check(tokens):
        if "poison" in tokens:
            raise error("of this token alone")
        return await callers_from_tokens_soon(tokens)

    monkeypatch.setattr(token_checks, "callers_from_tokens_soon", check)
    token = await access_token(ada)
    checks = TokenChecks()

    answers = await asyncio.gather(
        *(checks.caller(token) for token in [token, "poison", "rubbish", token, token]),
        return_exceptions=True,
    )

    found = [getattr(answer, "user", type(answer)) for answer in answers]
    assert found == [ada, error, Unauthenticated, ada, ada]


async def test_no_string_is_too_odd_a_token_for_its_neighbours(ada):
    good = await access_token(ada)
    odd = ["\ud800", "\x00", "é.é.é", "e30.\udfff.x", good + "\ud800", good[:-1] + "\U0001f600", "." * 4000]

    for callers in (
        await run_in_db(callers_from_tokens, [good, *odd, good]),
        await callers_from_tokens_soon([good, *odd, good]),
    ):
        assert [caller and caller.user for caller in callers] == [ada, *[None] * len(odd), ada]


def test_many_tokens_take_one_query_and_each_is_judged_alone(ada, grace):
    mine, revoked, hers = (asyncio.run(access_token(user)) for user in (ada, ada, grace))
    SignIn.objects.filter(pk=SignIn.objects.filter(user=ada).latest("pk").pk).update(
        revoked_at="2026-01-01T00:00Z"
    )

    with CaptureQueriesContext(connection) as queries:
        callers = callers_from_tokens([mine, "rubbish", revoked, hers, None])

    assert [caller and caller.user for caller in callers] == [ada, None, None, grace, None]
    assert len(queries) == 1


async def test_rubbish_alone_asks_the_database_for_nobody(ada):
    assert await run_in_db(callers_from_tokens, ["rubbish", 5, None]) == [None] * 3
    assert await callers_from_tokens_soon(["rubbish", 5, None]) == [None] * 3


async def test_the_caller_of_a_request_is_the_same_on_an_event_loop(ada):
    token = await access_token(ada)

    def scope(value: str | None) -> dict[str, Any]:
        return {"headers": [] if value is None else [(b"authorization", value.encode())]}

    caller = await caller_from_scope_soon(scope(f"Bearer {token}"))
    assert caller == await run_in_db(caller_from_scope, scope(f"Bearer {token}"))
    assert caller is not None and caller.user == ada

    assert await caller_from_scope_soon(scope(None)) is None
    with pytest.raises(Unauthenticated):
        await caller_from_scope_soon(scope(f"Bearer {token[:-4]}AAAA"))
