"""The flow of an answer on the real database and channel layer, with a scripted model."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from chat.actions import delete_message, post_message
from chat.database import run_in_db
from rag.actions import stop_answer, stop_message
from rag.actions.answers import begin_answer
from rag.answering.extractive import ExtractiveModel
from rag.answering.flow import CUT_OFF, NO_QUESTION, answer
from rag.llm.seam import (
    CitationDelta,
    Completion,
    RetryableModelError,
    TextDelta,
    Usage,
)
from rag.models import Answer, LanguageModel
from rag.tests.answers import DONE, Message, get_answer, listening, means, until

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
    cited = f"/documents/1/passages/1/?mark=14-49&amp;cited={final['id']}-1"
    assert f'href="{cited}"' in final["html"]
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
    assert claim.models[0].prices.output > 0


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


async def test_the_extractive_answerer_is_named_as_the_model(question, parley):
    tools = replace(means()[0], model=lambda choices: ExtractiveModel())

    await answer(question.pk, parley.pk, means=tools)

    stored = await run_in_db(get_answer)
    assert (stored.model, stored.message.status) == ("extractive", "final")


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
        await asyncio.wait_for(running, 60)

    assert model.closed == 1
    assert (heard[-1][1]["status"], heard[-1][1]["text"]) == ("stopped", "You get 25")


async def test_deleting_the_answer_stops_it(room, question, parley):
    tools, model = means([TextDelta("You get 25"), 60.0])

    async with listening(room) as heard:
        running = asyncio.create_task(answer(question.pk, parley.pk, means=tools))
        await until(lambda: any(name == "message-delta" for name, _ in heard))
        stored = await run_in_db(get_answer)
        await run_in_db(delete_message, parley, message_id=str(stored.message_id))
        await asyncio.wait_for(running, 60)

    assert model.closed == 1
    assert heard[-1][1]["text"] == "" and heard[-1][1]["deletedAt"] is not None


async def test_the_text_so_far_is_saved_with_its_delta_number(room, question, parley):
    tools, _ = means([TextDelta("You get"), 60.0])
    saved = Message.objects.filter(kind="answer").exclude(text="")

    running = asyncio.create_task(answer(question.pk, parley.pk, means=tools))
    try:
        async with asyncio.timeout(60):
            while (message := await run_in_db(saved.all().first)) is None:  # noqa: ASYNC110 - a row
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert (message.text, message.delta_index, message.status) == ("You get", 1, "streaming")


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


async def test_the_earlier_conversation_goes_to_the_model_without_what_came_later(ada, room, parley):
    await run_in_db(post_message, ada, room_id=room.pk, text="Leave is on my mind.")
    question = await run_in_db(post_message, ada, room_id=room.pk, text="@parley how long is it?")
    await run_in_db(post_message, ada, room_id=room.pk, text="Later words.")
    tools, model = means()

    await answer(question.pk, parley.pk, means=tools)

    assert [turn.text for turn in model.requests[0].history] == ["ada: Leave is on my mind."]
