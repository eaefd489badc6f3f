"""Answers that fail: what is told, what is kept, what is charged."""

import pytest

from chat.database import run_in_db
from rag.actions import regenerate_answer
from rag.answering.flow import INTERNAL, answer
from rag.llm.seam import (
    Completion,
    FinalModelError,
    RetryableModelError,
    TextDelta,
    Usage,
)
from rag.tests.answers import LEAVE_ANSWER, get_answer, listening, means, until

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_failure_is_told_and_can_be_retried_in_the_same_message(ada, room, question, parley):
    busy = RetryableModelError("MODEL_OVERLOADED", "The language model is overloaded just now.")
    tools, _ = means([busy], LEAVE_ANSWER)

    async with listening(room) as heard:
        await answer(question.pk, parley.pk, means=tools)
        await until(lambda: heard and heard[-1][0] == "message-updated")
        failed = heard[-1][1]
        stored = await run_in_db(get_answer)
        await run_in_db(regenerate_answer, ada, answer_id=str(stored.pk))
        await answer(question.pk, parley.pk, means=tools)

    assert (failed["status"], failed["error"]) == (
        "failed",
        {"code": "MODEL_OVERLOADED", "message": "The language model is overloaded just now."},
    )
    assert (heard[-1][1]["status"], heard[-1][1]["id"]) == ("final", failed["id"])
    assert heard[-1][1]["error"] is None


async def test_what_was_written_before_a_failure_stays_with_its_citations(room, question, parley):
    tools, _ = means([*LEAVE_ANSWER[:-1], RetryableModelError("MODEL_INTERRUPTED", "It broke off.")])

    await answer(question.pk, parley.pk, means=tools)

    message = (await run_in_db(get_answer)).message
    assert (message.status, message.text, message.error_code) == (
        "failed",
        "You get 25 days. [1]",
        "MODEL_INTERRUPTED",
    )
    assert len(message.citations) == 1


async def test_an_unforeseen_error_is_told_without_its_details(question, parley):
    tools, _ = means([ZeroDivisionError("secret")])

    await answer(question.pk, parley.pk, means=tools)

    message = (await run_in_db(get_answer)).message
    assert (message.status, message.error_code, message.error_message) == ("failed", *INTERNAL)


async def test_an_unforeseen_error_keeps_what_was_shown_and_spent(question, parley):
    tools, _ = means([Usage(900, 1), TextDelta("You get 25 days."), ZeroDivisionError("secret")])

    await answer(question.pk, parley.pk, means=tools)

    stored = await run_in_db(get_answer)
    assert (stored.message.status, stored.message.error_code) == ("failed", INTERNAL[0])
    assert stored.message.text == "You get 25 days."
    assert (stored.input_tokens, stored.output_tokens) == (900, 4)


async def test_an_answer_without_a_word_is_a_failure(question, parley):
    tools, _ = means([Completion("end_turn", Usage())])

    await answer(question.pk, parley.pk, means=tools)

    assert (await run_in_db(get_answer)).message.error_code == "MODEL_EMPTY"


async def test_a_channel_layer_that_is_away_costs_no_answer(question, parley, monkeypatch):
    async def fail(event):
        raise ConnectionError("no Valkey")

    monkeypatch.setattr("rag.answering.live.publish", fail)
    tools, _ = means()

    await answer(question.pk, parley.pk, means=tools)

    assert (await run_in_db(get_answer)).message.status == "final"


async def test_a_refusal_fails_with_its_reason(question, parley):
    tools, _ = means([FinalModelError("MODEL_REFUSED", "It declined.", refused=True)])

    await answer(question.pk, parley.pk, means=tools)

    assert (await run_in_db(get_answer)).message.error_message == "It declined."
