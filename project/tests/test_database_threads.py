"""The guard of the database threads fails a test that lacks its mark, whatever ran before."""

import asyncio
from contextlib import suppress
from threading import Event

import pytest

from chat import database
from chat.database import run_in_db
from chat.models import User
from project.tests import database_threads
from project.tests.database_threads import GuardedThreads, MissingMark, guarded


def refused_calls() -> list[str]:
    threads = database._THREADS
    assert isinstance(threads, GuardedThreads)
    return threads.refused


async def test_a_test_without_a_database_is_refused_the_threads():
    with pytest.raises(MissingMark, match="transaction=True"):
        await run_in_db(lambda: None)

    assert len(refused_calls()) == 1
    refused_calls().clear()  # else the guard would fail this test


@pytest.mark.django_db
async def test_a_test_that_is_rolled_back_is_refused_the_threads():
    with pytest.raises(MissingMark):
        await run_in_db(User.objects.count)

    refused_calls().clear()


@pytest.mark.django_db(transaction=True)
async def test_a_test_that_commits_has_the_threads():
    assert await run_in_db(User.objects.count) == 0


def test_a_fixture_that_commits_opens_the_threads(transactional_db):
    assert asyncio.run(run_in_db(User.objects.count)) == 0


def test_a_call_that_outlives_its_test_is_waited_for(monkeypatch):
    threads, may_end = GuardedThreads(), Event()
    threads.is_open = True
    call = threads.submit(may_end.wait)
    monkeypatch.setattr(database_threads, "END_TIMEOUT_S", 0)
    with pytest.raises(TimeoutError):
        threads.wait_until_idle()

    may_end.set()
    call.result()

    threads.wait_until_idle()
    threads.shutdown()


def test_a_test_fails_even_if_the_program_took_the_refusal_for_an_error_of_its_own(request):
    threads = GuardedThreads()
    guard = guarded(threads, request)
    next(guard)
    with suppress(MissingMark):
        threads.submit(print)

    with pytest.raises(pytest.fail.Exception, match="transaction=True"):
        next(guard)
