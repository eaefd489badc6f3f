"""Whether workers should go on, asked for all their answers together."""

import asyncio
from datetime import UTC, datetime

import pytest
from django.db import OperationalError

from chat.actions import post_message
from chat.database import run_in_db
from rag.actions.answers import begin_answer
from rag.answering import progress
from rag.answering.claim import Progress
from rag.answering.progress import ProgressWatch, progress_of
from rag.models import Answer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def claims(ada, room, parley):
    questions = [post_message(ada, room_id=room.pk, text=f"@parley {n}?") for n in range(3)]
    return [begin_answer(question.pk, parley.pk) for question in questions]


def key(claim):
    return claim.answer_id, claim.attempt


def test_one_query_tells_of_all_claims(claims, django_assert_num_queries):
    stopped, taken_over, gone = claims
    answers = Answer.objects.all()
    answers.filter(pk=stopped.answer_id).update(stop_requested_at=datetime.now(UTC))
    answers.filter(pk=taken_over.answer_id).update(attempt=2)
    answers.filter(pk=gone.answer_id).delete()
    with django_assert_num_queries(1):
        found = progress_of(map(key, claims))
    assert list(found.values()) == [Progress.STOP, Progress.LEAVE, Progress.LEAVE]


async def test_who_is_stopped_hears_of_it_and_the_others_do_not(claims):
    watch = ProgressWatch()
    waiting = [asyncio.create_task(watch.ended(claim)) for claim in claims]
    stopping = Answer.objects.filter(pk=claims[1].answer_id)
    await run_in_db(lambda: stopping.update(stop_requested_at=datetime.now(UTC)))
    assert await waiting[1] is Progress.STOP
    assert not waiting[0].done() and not waiting[2].done()
    for task in waiting:
        task.cancel()


async def test_a_database_that_is_away_for_a_moment_stops_nothing(claims, monkeypatch):
    asked, looks = progress_of, []

    def fails_once(keys):
        looks.append(keys)
        if len(looks) == 1:
            raise OperationalError("away")
        return asked(keys)

    monkeypatch.setattr(progress, "progress_of", fails_once)
    stopping = Answer.objects.filter(pk=claims[0].answer_id)
    await run_in_db(lambda: stopping.update(stop_requested_at=datetime.now(UTC)))
    assert await ProgressWatch().ended(claims[0]) is Progress.STOP
    assert len(looks) >= 2
