"""Calls of the database that belong together are ended together, and no others."""

import asyncio

import pytest
from django.db import OperationalError, connection

from chat.database import run_in_db
from chat.database_calls import Calls
from chat.tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


def sleep_s(seconds: float) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])
    return "slept"


async def test_calls_that_are_ended_raise_and_leave_others_alone():
    other = asyncio.create_task(run_in_db(sleep_s, 1))
    with Calls() as calls:
        ours = [asyncio.create_task(run_in_db(sleep_s, 60)) for _ in range(2)]
        await eventually(lambda: len(calls.running()) == 2)
        calls.end_soon()

    for task in ours:
        with pytest.raises(OperationalError, match="canceling statement due to user request"):
            await task
    assert calls.running() == []
    assert await other == "slept"


async def test_a_call_between_two_statements_ends_at_its_next():
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def two_statements() -> None:
        sleep_s(0)
        loop.call_soon_threadsafe(begun.set)
        for _ in range(10_000):  # CPU, of which a cancelled statement knows nothing
            pass
        sleep_s(0.3)
        sleep_s(60)

    with Calls() as calls:
        task = asyncio.create_task(run_in_db(two_statements))
        await begun.wait()
        calls.end_soon()

    with pytest.raises(OperationalError, match="canceling statement"):
        await task


async def test_a_connection_that_was_cancelled_serves_the_next_call():
    with Calls() as calls:
        task = asyncio.create_task(run_in_db(sleep_s, 60))
        await eventually(calls.running)
        calls.end_soon()
    with pytest.raises(OperationalError):
        await task

    assert [await run_in_db(sleep_s, 0) for _ in range(20)] == ["slept"] * 20
