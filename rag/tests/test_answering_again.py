"""Answers that are written again, and those whose worker is gone or is one of two."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from chat.database import run_in_db
from rag.actions import regenerate_answer
from rag.actions.answers import LOST, MOST_ATTEMPTS, begin_answer, finish_answer, keep_answer
from rag.answering.claim import AnswerOutcome, Progress
from rag.answering.flow import answer
from rag.llm.seam import (
    ModelChosen,
    RetryableModelError,
    TextDelta,
    Usage,
)
from rag.models import AnswerAttempt, LanguageModel
from rag.tests.answers import DONE, LEAVE_ANSWER, Message, get_answer, listening, means

pytestmark = pytest.mark.django_db(transaction=True)


async def test_an_answer_written_again_is_charged_for_both_attempts(ada, question, parley, settings):
    settings.ANTHROPIC_BASE_URL, settings.ANTHROPIC_MODEL = "http://127.0.0.1:9", "claude-test"
    prices = {"input_price": Decimal(3), "output_price": Decimal(15), "max_output_tokens": 512}
    await run_in_db(LanguageModel.objects.create, name="claude-test", **prices)
    busy = RetryableModelError("MODEL_INTERRUPTED", "It broke off.")
    tools, _ = means(
        [ModelChosen("claude-test"), Usage(500, 100, 40, 60), TextDelta("You"), busy], LEAVE_ANSWER
    )

    await answer(question.pk, parley.pk, means=tools)
    stored = await run_in_db(get_answer)
    await run_in_db(regenerate_answer, ada, answer_id=str(stored.pk))
    await answer(question.pk, parley.pk, means=tools)

    stored, first, second = await run_in_db(lambda: [get_answer(), *AnswerAttempt.objects.order_by("number")])
    assert (first.number, first.error_code, first.stop_reason) == (1, "MODEL_INTERRUPTED", "")
    assert (first.input_tokens, first.cache_write_tokens, first.cache_read_tokens) == (500, 40, 60)
    assert (second.number, second.error_code, second.stop_reason) == (2, "", "end_turn")
    assert second.parameters == {"max_output_tokens": 512, "passages": 3, "history_turns": 0}
    assert second.finished_at >= second.begun_at >= first.finished_at
    assert second.model == "claude-test" and second.search_ms > 0 and second.first_delta_ms > 0
    assert (stored.input_tokens, stored.output_tokens) == (1600, 300)
    assert stored.cost == first.cost + second.cost == Decimal("0.003168") + Decimal("0.006")


async def test_the_first_delta_of_an_answer_written_again_is_timed_from_its_request(ada, question, parley):
    await run_in_db(
        Message.objects.filter(pk=question.pk).update, created_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    tools, _ = means()
    await answer(question.pk, parley.pk, means=tools)
    stored = await run_in_db(get_answer)
    assert stored.first_delta_ms > 3_600_000

    await run_in_db(regenerate_answer, ada, answer_id=str(stored.pk))
    await answer(question.pk, parley.pk, means=tools)

    assert (await run_in_db(get_answer)).first_delta_ms < 60_000


async def test_the_attempt_of_a_worker_that_died_is_closed_by_the_next(question, parley):
    await run_in_db(begin_answer, question.pk, parley.pk)
    tools, _ = means()

    await answer(question.pk, parley.pk, means=tools)

    attempts = await run_in_db(lambda: list(AnswerAttempt.objects.order_by("number")))
    assert [attempt.error_code for attempt in attempts] == [LOST[0], ""]
    assert all(attempt.finished_at for attempt in attempts)


async def test_an_answer_written_again_may_lose_as_many_workers_as_the_first_time(ada, question, parley):
    for _ in range(MOST_ATTEMPTS):
        await run_in_db(begin_answer, question.pk, parley.pk)
    assert await run_in_db(begin_answer, question.pk, parley.pk) is None
    stored = await run_in_db(get_answer)

    await run_in_db(regenerate_answer, ada, answer_id=str(stored.pk))

    for number in range(1, MOST_ATTEMPTS + 1):
        claim = await run_in_db(begin_answer, question.pk, parley.pk)
        assert claim.attempt == MOST_ATTEMPTS + number
    assert await run_in_db(begin_answer, question.pk, parley.pk) is None


async def test_a_worker_that_takes_over_uses_the_same_message(room, question, parley):
    dead = await run_in_db(begin_answer, question.pk, parley.pk)
    await run_in_db(keep_answer, dead, text="You ge", delta_index=1)
    before = (await run_in_db(get_answer)).message
    tools, _ = means()

    async with listening(room) as heard:
        await answer(question.pk, parley.pk, means=tools)

    first, last = heard[0][1], heard[-1][1]
    assert (heard[0][0], first["id"], first["text"], first["deltaIndex"]) == (
        "message-updated",
        str(before.pk),
        "",
        0,
    )
    assert first["version"] > before.version
    assert [data["index"] for name, data in heard if name == "message-delta"][0] == 0
    assert (last["id"], last["status"]) == (str(before.pk), "final")
    assert await run_in_db(Message.objects.filter(kind="answer").count) == 1


async def test_a_worker_that_was_only_thought_dead_changes_nothing_any_more(question, parley):
    slow = await run_in_db(begin_answer, question.pk, parley.pk)
    await run_in_db(begin_answer, question.pk, parley.pk)

    assert await run_in_db(keep_answer, slow, text="old", delta_index=1) is Progress.LEAVE
    assert not await run_in_db(finish_answer, slow, AnswerOutcome("final", "old"))
    message = (await run_in_db(get_answer)).message
    assert (message.text, message.status) == ("", "streaming")


async def test_two_jobs_at_once_give_one_answer(room, question, parley):
    tools, _ = means([TextDelta("One."), 0.6, DONE])

    async with listening(room) as heard:
        await asyncio.gather(*(answer(question.pk, parley.pk, means=tools) for _ in range(2)))

    assert [data["status"] for name, data in heard if name == "new-message"] == ["streaming"]
    finals = [data for name, data in heard if name == "message-updated" and data["status"] == "final"]
    assert [final["text"] for final in finals] == ["One."]


async def test_a_finished_answer_is_not_written_again(room, question, parley):
    tools, model = means()
    await answer(question.pk, parley.pk, means=tools)

    async with listening(room) as heard:
        await answer(question.pk, parley.pk, means=tools)

    assert heard == [] and len(model.requests) == 1


async def test_a_question_that_kills_its_workers_is_given_up(room, question, parley):
    for _ in range(MOST_ATTEMPTS):
        assert await run_in_db(begin_answer, question.pk, parley.pk) is not None

    assert await run_in_db(begin_answer, question.pk, parley.pk) is None
    message = (await run_in_db(get_answer)).message
    assert (message.status, message.error_code) == ("failed", LOST[0])
