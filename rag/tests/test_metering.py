"""A metered model: reserved before, settled after, whatever happens in between."""

import asyncio
from contextlib import aclosing
from decimal import Decimal

import pytest

from chat.database import run_in_db
from rag.answering.prompts import DefaultTemplate, build_request
from rag.llm.chain import ModelChain
from rag.llm.scripted import ScriptedModel
from rag.llm.seam import Completion, FinalModelError, RetryableModelError, TextDelta, Usage
from rag.models import Budget, ModelCall, Reservation
from rag.money.calls import Call
from rag.money.metering import MeteredModel
from rag.money.prices import Prices, most_cost_usd, most_input_tokens

pytestmark = pytest.mark.django_db(transaction=True)
PRICES = Prices.of(Decimal(3), Decimal(15))
DONE = Completion("end_turn", Usage(100, 20))


def request_of(question="How are whales counted?"):
    return build_request(question, [], [], DefaultTemplate(), max_output_tokens=1000)


def metered(*script, name="claude"):
    return MeteredModel(ScriptedModel(*script, name=name), Call("answer", name, PRICES))


async def ledger(*columns):
    return await run_in_db(lambda: list(ModelCall.objects.order_by("pk").values_list(*columns)))


async def read(model):
    return [event async for event in model.stream(request_of())]


async def open_reservations():
    return await run_in_db(Reservation.objects.filter(closed_at=None).count)


async def test_a_complete_call_is_charged_what_the_server_reported():
    await read(metered([TextDelta("Many."), DONE]))
    assert await ledger("outcome", "input_tokens", "output_tokens", "is_estimate", "cost") == [
        ("complete", 100, 20, False, Decimal("0.0006"))
    ]
    assert await open_reservations() == 0


async def test_what_was_read_of_a_stream_that_broke_off_is_estimated_and_charged():
    broken = [Usage(100, 1), TextDelta("x" * 400), RetryableModelError("MODEL_INTERRUPTED", "It broke off.")]
    with pytest.raises(RetryableModelError):
        await read(metered(broken))
    assert await ledger("outcome", "error_code", "input_tokens", "output_tokens", "is_estimate") == [
        ("failed", "MODEL_INTERRUPTED", 100, 100, True)
    ]


async def test_a_call_that_never_began_costs_nothing():
    with pytest.raises(RetryableModelError):
        await read(metered([RetryableModelError("MODEL_UNREACHABLE", "No.")]))
    assert await ledger("outcome", "cost") == [("failed", 0)]
    assert await open_reservations() == 0


async def test_a_call_whose_reader_leaves_is_settled():
    async with aclosing(metered([Usage(100, 1), TextDelta("Ma"), 60.0]).stream(request_of())) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    assert await ledger("outcome", "input_tokens") == [("stopped", 100)]
    assert await open_reservations() == 0


async def test_a_call_whose_task_is_cancelled_is_settled():
    begun = asyncio.Event()

    async def read_on():
        async for event in metered([Usage(100, 1), TextDelta("Ma"), 60.0]).stream(request_of()):
            if isinstance(event, TextDelta):
                begun.set()

    reading = asyncio.create_task(read_on())
    await begun.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await ledger("outcome") == [("stopped",)]
    assert await open_reservations() == 0


async def test_without_budget_the_model_is_not_asked():
    await run_in_db(lambda: Budget.objects.create(scope="everything", period="month", limit=0))
    model = ScriptedModel([DONE])
    with pytest.raises(FinalModelError) as refusal:
        await read(MeteredModel(model, Call("answer", "claude", PRICES)))
    assert refusal.value.code == "BUDGET_EXCEEDED"
    assert "It renews on 1 " in refusal.value.message
    assert model.requests == []
    assert await ledger("cost") == []


async def test_every_attempt_of_a_chain_is_a_call_of_its_own():
    overloaded = RetryableModelError("MODEL_OVERLOADED", "Busy.")

    async def at_once(_seconds):
        pass

    first = metered([overloaded], name="first")
    second = metered([TextDelta("Many."), DONE], name="second")
    events = [event async for event in ModelChain([first, second], sleep=at_once).stream(request_of())]
    assert events[-1] == DONE
    assert await ledger("model", "outcome") == [("first", "failed")] * 3 + [("second", "complete")]


def test_the_worst_case_is_every_byte_at_the_dearest_price_and_all_that_may_be_written():
    small, large = request_of("a"), request_of("a" * 1001)
    difference = most_input_tokens(large) - most_input_tokens(small)
    assert difference == 1000
    assert most_cost_usd(1_000_000, 2_000_000, PRICES) == Decimal("3.75") + 30
