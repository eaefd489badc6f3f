"""Ratings and usage over GraphQL; what the actions and selectors do is tested with them."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from chat.models import Message
from rag.models import Answer, AnswerAttempt, AnswerRating, ModelCall

pytestmark = pytest.mark.django_db(transaction=True)

RATE = """mutation($id: ID!, $helpful: Boolean!, $reason: String) {
    rateAnswer(answerId: $id, helpful: $helpful, reason: $reason) { id model } }"""
USAGE = """query($from: Date, $to: Date) { usage(from: $from, to: $to) {
    inputTokens outputTokens cost answers budget remaining } }"""


@pytest.fixture
def answer(ada, parley, general) -> Answer:
    question, message = (
        Message.objects.create(
            room=general,
            author=author,
            kind=kind,
            text="t",
            client_id=kind,
            version=version,
            posted_version=version,
        )
        for author, kind, version in ((ada, "person", 1), (parley, "answer", 2))
    )
    return Answer.objects.create(
        question=question,
        message=message,
        assistant=parley,
        asked_by=ada,
        attempt=1,
        model="claude-test",
        finished_at=datetime.now(UTC),
    )


async def test_an_answer_is_rated_by_a_reader(as_user, grace, answer):
    rated = await as_user(grace).data(RATE, id=str(answer.pk), helpful=False, reason="too long")

    assert rated["rateAnswer"] == {"id": str(answer.pk), "model": "claude-test"}
    rating = await AnswerRating.objects.select_related("user").aget()
    assert (rating.user, rating.helpful, rating.reason) == (grace, False, "too long")


async def test_a_stranger_rates_nothing(as_user, guest, answer):
    hidden = await as_user(guest).error(RATE, id=str(answer.pk), helpful=True)
    absent = await as_user(guest).error(RATE, id=str(answer.pk + 1000), helpful=True)
    nobody = await as_user(None).error(RATE, id=str(answer.pk), helpful=True)

    assert hidden == absent and hidden["code"] == "NOT_FOUND"
    assert nobody["code"] == "UNAUTHENTICATED"
    assert not await AnswerRating.objects.aexists()


async def _call_for(answer, cost=0, **tokens):
    prices = {f"{kind}_price": 0 for kind in ("input", "output", "cache_write", "cache_read")}
    await ModelCall.objects.acreate(
        purpose="answer",
        outcome="complete",
        model="claude",
        user_id=answer.asked_by_id,
        begun_at=datetime.now(UTC),
        cost=cost,
        **prices,
        **tokens,
    )


async def test_usage_is_ones_own_and_of_this_month_by_default(as_user, ada, grace, answer):
    await AnswerAttempt.objects.acreate(answer=answer, number=1)
    await _call_for(answer, input_tokens=1200, output_tokens=34, cost=Decimal("0.004110"))
    nothing = {"inputTokens": 0, "outputTokens": 0, "cost": "0.000000", "answers": 0}
    no_budget = {"budget": None, "remaining": None}
    today = datetime.now(UTC).date().isoformat()

    mine = (await as_user(ada).data(USAGE))["usage"]
    assert mine == {"inputTokens": 1200, "outputTokens": 34, "cost": "0.004110", "answers": 1, **no_budget}
    assert (await as_user(ada).data(USAGE, **{"from": today, "to": today}))["usage"] == mine
    assert (await as_user(grace).data(USAGE))["usage"] == nothing | no_budget
    earlier = await as_user(ada).data(USAGE, **{"from": "2020-01-01", "to": "2020-12-31"})
    assert earlier["usage"] == nothing | no_budget


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"from": "2026-02-02", "to": "2026-02-01"}, "from"),
        ({"from": "2020-01-01", "to": "2026-02-01"}, "from"),
        ({"to": "9999-12-31"}, "to"),
    ],
)
async def test_a_span_that_cannot_be_is_refused_with_the_argument(as_user, ada, arguments, field):
    error = await as_user(ada).error(USAGE, **arguments)
    assert (error["code"], list(error["fields"])) == ("BAD_USER_INPUT", [field])


async def test_a_date_must_be_one(as_user, ada):
    assert (await as_user(ada).error(USAGE, **{"from": "yesterday"}))["code"] == "BAD_USER_INPUT"


async def test_more_tokens_than_an_int_holds_are_told_as_its_most(as_user, ada, answer):
    for _ in range(2):
        await _call_for(answer, input_tokens=2**31 - 1)
    assert (await as_user(ada).data(USAGE))["usage"]["inputTokens"] == 2**31 - 1


async def test_a_day_in_another_form_is_told_how_to_write_one(as_user, ada):
    client = as_user(ada)
    for wrong in ("31.1.2026", "2026-02-30", 20260131):
        by_variable = await client.run(USAGE, **{"from": wrong})
        literal = await client.run(f"{{ usage(from: {json.dumps(wrong)}) {{ cost }} }}")
        for answer in (by_variable, literal):
            assert "A Date is a string such as 2026-01-31" in answer["errors"][0]["message"]
            assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
