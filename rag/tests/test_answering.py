"""The flow of an answer on the real database and channel layer, with a scripted model."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from chat.actions import delete_message, post_message
from chat.database import run_in_db
from rag.actions import regenerate_answer, stop_answer, stop_message
from rag.actions.answers import LOST, MOST_ATTEMPTS, begin_answer, finish_answer, keep_answer
from rag.answering.claim import AnswerOutcome, Progress
from rag.answering.flow import CUT_OFF, INTERNAL, NO_QUESTION, answer
from rag.extractive import ExtractiveModel
from rag.llm.seam import (
    CitationDelta,
    Completion,
    FinalModelError,
    ModelChosen,
    RetryableModelError,
    TextDelta,
    Usage,
)
from rag.models import Answer, AnswerAttempt, LanguageModel
from rag.tests.answers import DONE, LEAVE_ANSWER, Message, get_answer, listening, means, until

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_question_is_answered_live_with_checked_citations(room, question, parley):
    tools, model = means()

    async with listening(room) as heard:
        await answer(question.pk, parley.pk, means=tools)

    names = [name for name, _ in heard]
    assert names[0] == "new-message" and names[-1] == "message-updated"
    draft, final = heard[0][1], heard[-1][1]
    assert (draft["status"], draft["text"], draft["author"]["username"]) == ("streaming", "", "parley")
    assert draft["parentId"] == str(question.pk)
    deltas = [data for name, data in heard if name == "message-delta"]
    assert [delta["index"] for delta in deltas] == list(range(len(deltas)))
    assert "".join(delta["text"] for delta in deltas) == "You get 25 days. [1]"
    assert (final["id"], final["status"], final["text"]) == (draft["id"], "final", "You get 25 days. [1]")
    assert final["citations"][0]["quote"] == "Employees get 25 days of paid leave"
    assert final["deltaIndex"] == len(deltas)
    assert 'href="/documents/1/passages/1/?mark=14-49"' in final["html"]
    assert model.requests[0].question == "How many days of leave do I get?"


async def test_usage_and_cost_settle_by_the_prices_of_the_model(question, parley, settings):
    settings.ANTHROPIC_BASE_URL, settings.ANTHROPIC_MODEL = "http://127.0.0.1:9", "claude-test"
    prices = {"input_price": Decimal(3), "output_price": Decimal(15)}
    await run_in_db(LanguageModel.objects.create, name="claude-test", **prices)
    tools, _ = means()

    await answer(question.pk, parley.pk, means=tools)

    stored = await run_in_db(get_answer)
    assert (stored.input_tokens, stored.output_tokens, stored.cost) == (1000, 200, Decimal("0.006000"))
    assert stored.prompt.version == 1 and stored.finished_at is not None and stored.attempt == 1


async def test_the_model_of_the_settings_is_asked_first_and_has_prices(question, parley, settings):
    settings.ANTHROPIC_BASE_URL, settings.ANTHROPIC_MODEL = "http://127.0.0.1:9", "claude-sonnet-test"
    await run_in_db(LanguageModel.objects.create, name="other", position=-1)
    await run_in_db(LanguageModel.objects.create, name="off", enabled=False)

    claim = await run_in_db(begin_answer, question.pk, parley.pk)

    assert [choice.name for choice in claim.models] == ["claude-sonnet-test", "other"]
    assert claim.models[0].output_price > 0


async def test_an_answer_cut_short_is_charged_by_what_was_written(question, parley):
    long = TextDelta("word " * 400)
    tools, _ = means([Usage(900, 1), long, RetryableModelError("MODEL_INTERRUPTED", "It broke off.")])

    await answer(question.pk, parley.pk, means=tools)

    stored = await run_in_db(get_answer)
    assert (stored.input_tokens, stored.output_tokens) == (900, 500)


async def test_the_passages_served_are_kept_with_scores_and_hashes(question, parley):
    tools, _ = means()

    await answer(question.pk, parley.pk, means=tools)

    stored = await run_in_db(get_answer)
    served = await run_in_db(lambda: list(stored.passages.order_by("rank")))
    assert [passage.rank for passage in served] == [1, 2, 3]
    assert served[0].score == 1.0 and len(served[0].text_sha256) == 64
    assert stored.search_ms is not None and stored.first_delta_ms > 0
    assert (stored.model, stored.stop_reason) == ("claude-test", "end_turn")


async def test_quick_deltas_are_joined_and_the_first_goes_out_at_once(room, question, parley):
    words = [TextDelta(f"word{n} ") for n in range(200)]
    tools, _ = means([words[0], 0.02, *words[1:100], 0.1, *words[100:], DONE])

    async with listening(room) as heard:
        await answer(question.pk, parley.pk, means=tools)

    deltas = [data for name, data in heard if name == "message-delta"]
    assert deltas[0]["text"] == "word0"
    assert 3 <= len(deltas) <= 8
    assert "".join(delta["text"] for delta in deltas) == heard[-1][1]["text"]


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


async def test_the_extractive_answerer_is_named_as_the_model(question, parley):
    tools = replace(means()[0], model=lambda choices: ExtractiveModel())

    await answer(question.pk, parley.pk, means=tools)

    stored = await run_in_db(get_answer)
    assert (stored.model, stored.message.status) == ("extractive", "final")


async def test_an_answer_without_a_word_is_a_failure(question, parley):
    tools, _ = means([Completion("end_turn", Usage())])

    await answer(question.pk, parley.pk, means=tools)

    assert (await run_in_db(get_answer)).message.error_code == "MODEL_EMPTY"


async def test_a_length_limit_is_said(question, parley):
    tools, _ = means([TextDelta("You get"), Completion("max_tokens", Usage(), truncated=True)])

    await answer(question.pk, parley.pk, means=tools)

    assert (await run_in_db(get_answer)).message.text == f"You get\n\n{CUT_OFF}"


async def test_a_citation_that_does_not_hold_is_dropped_and_counted(question, parley):
    script = [TextDelta("You get 99 days."), CitationDelta(1, "99 days"), CitationDelta(7, "x"), DONE]
    tools, _ = means(script)

    await answer(question.pk, parley.pk, means=tools)

    stored = await run_in_db(get_answer)
    assert (stored.dropped_citations, stored.message.text, stored.message.citations) == (
        2,
        "You get 99 days.",
        [],
    )


@pytest.mark.parametrize("by", ["answer", "message"])
async def test_stop_ends_the_answer_at_once_and_closes_the_model(ada, room, question, parley, by):
    tools, model = means([TextDelta("You get 25"), 60.0])

    async with listening(room) as heard:
        running = asyncio.create_task(answer(question.pk, parley.pk, means=tools))
        await until(lambda: any(name == "message-delta" for name, _ in heard))
        stored = await run_in_db(get_answer)
        if by == "answer":
            await run_in_db(stop_answer, ada, answer_id=str(stored.pk))
        else:
            await run_in_db(stop_message, ada, message_id=str(stored.message_id))
        await asyncio.wait_for(running, 2)

    assert model.closed == 1
    assert (heard[-1][1]["status"], heard[-1][1]["text"]) == ("stopped", "You get 25")


async def test_deleting_the_answer_stops_it(room, question, parley):
    tools, model = means([TextDelta("You get 25"), 60.0])

    async with listening(room) as heard:
        running = asyncio.create_task(answer(question.pk, parley.pk, means=tools))
        await until(lambda: any(name == "message-delta" for name, _ in heard))
        stored = await run_in_db(get_answer)
        await run_in_db(delete_message, parley, message_id=str(stored.message_id))
        await asyncio.wait_for(running, 2)

    assert model.closed == 1
    assert heard[-1][1]["text"] == "" and heard[-1][1]["deletedAt"] is not None


async def test_the_text_so_far_is_saved_with_its_delta_number(room, question, parley):
    tools, _ = means([TextDelta("You get"), 60.0])
    saved = Message.objects.filter(kind="answer").exclude(text="")

    running = asyncio.create_task(answer(question.pk, parley.pk, means=tools))
    try:
        async with asyncio.timeout(15):
            while (message := await run_in_db(saved.all().first)) is None:  # noqa: ASYNC110 - a row
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert (message.text, message.delta_index, message.status) == ("You get", 1, "streaming")


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


async def test_a_question_deleted_before_its_job_is_not_answered(ada, room, question, parley):
    await run_in_db(delete_message, ada, message_id=str(question.pk))
    tools, model = means()

    await answer(question.pk, parley.pk, means=tools)

    assert model.requests == [] and not await run_in_db(Answer.objects.exists)


async def test_a_bare_mention_is_asked_what_it_wants(ada, room, parley):
    greeting = await run_in_db(post_message, ada, room_id=room.pk, text="@parley")
    tools, model = means()

    await answer(greeting.pk, parley.pk, means=tools)

    assert (await run_in_db(get_answer)).message.text == NO_QUESTION
    assert model.requests == []


async def test_a_channel_layer_that_is_away_costs_no_answer(question, parley, monkeypatch):
    async def fail(event):
        raise ConnectionError("no Valkey")

    monkeypatch.setattr("rag.answering.live.publish", fail)
    tools, _ = means()

    await answer(question.pk, parley.pk, means=tools)

    assert (await run_in_db(get_answer)).message.status == "final"


async def test_the_earlier_conversation_goes_to_the_model_without_what_came_later(ada, room, parley):
    await run_in_db(post_message, ada, room_id=room.pk, text="Leave is on my mind.")
    question = await run_in_db(post_message, ada, room_id=room.pk, text="@parley how long is it?")
    await run_in_db(post_message, ada, room_id=room.pk, text="Later words.")
    tools, model = means()

    await answer(question.pk, parley.pk, means=tools)

    assert [turn.text for turn in model.requests[0].history] == ["ada: Leave is on my mind."]


async def test_a_refusal_fails_with_its_reason(question, parley):
    tools, _ = means([FinalModelError("MODEL_REFUSED", "It declined.", refused=True)])

    await answer(question.pk, parley.pk, means=tools)

    assert (await run_in_db(get_answer)).message.error_message == "It declined."
