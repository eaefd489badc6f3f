"""What one's questions have cost, by days of UTC."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from chat.errors import BadInput
from rag.models import Answer, AnswerAttempt
from rag.tests.conftest import chat_model
from rag.usage import check_span, usage_of

TODAY = date(2026, 11, 22)


@pytest.fixture
def answer(ada, question, parley):
    return _answer_of(ada, question, parley)


def _answer_of(person, question, parley):
    message = chat_model("Message").objects.create(
        room=question.room,
        author=parley,
        kind="answer",
        client_id=f"answer to {person.pk}",
        version=100 + person.pk,
        posted_version=100 + person.pk,
    )
    return Answer.objects.create(question=question, message=message, assistant=parley, asked_by=person)


def _attempt(answer, number: int, begun_at: datetime, **spent) -> None:
    AnswerAttempt.objects.create(answer=answer, number=number, begun_at=begun_at, **spent)


@pytest.mark.django_db
def test_attempts_of_the_days_are_added_up_exactly_both_days_included(ada, answer):
    millionths = {"cost": Decimal("0.100001"), "input_tokens": 10, "output_tokens": 1}
    _attempt(answer, 1, datetime(2026, 11, 1, tzinfo=UTC), **millionths)
    _attempt(answer, 2, datetime(2026, 11, 2, 23, 59, 59, 999_999, tzinfo=UTC), **millionths)
    _attempt(answer, 3, datetime(2026, 11, 2, tzinfo=UTC), cache_write_tokens=5, cache_read_tokens=7)
    _attempt(answer, 4, datetime(2026, 10, 31, 23, 59, 59, 999_999, tzinfo=UTC), **millionths)
    _attempt(answer, 5, datetime(2026, 11, 3, tzinfo=UTC), **millionths)

    usage = usage_of(ada, date(2026, 11, 1), date(2026, 11, 2))

    assert (usage.input_tokens, usage.output_tokens, usage.answers) == (32, 2, 1)
    assert str(usage.cost) == "0.200002"
    assert (usage.budget, usage.remaining) == (None, None)


@pytest.mark.django_db
def test_the_questions_of_others_are_theirs(ada, grace, answer):
    _attempt(answer, 1, datetime(2026, 11, 1, tzinfo=UTC), cost=Decimal(1), input_tokens=1)

    usage = usage_of(grace, date(2026, 11, 1), date(2026, 11, 1))

    assert (usage.input_tokens, usage.output_tokens, usage.answers) == (0, 0, 0)
    assert str(usage.cost) == "0.000000"


@pytest.mark.parametrize(
    ("first", "last", "span"),
    [
        (None, None, (date(2026, 11, 1), TODAY)),
        (date(2026, 10, 5), None, (date(2026, 10, 5), TODAY)),
        (None, date(2025, 2, 9), (date(2025, 2, 1), date(2025, 2, 9))),
        (TODAY, TODAY, (TODAY, TODAY)),
        (date(2024, 1, 1), date(2024, 12, 31), (date(2024, 1, 1), date(2024, 12, 31))),
    ],
)
def test_days_that_are_left_out_are_this_months(first, last, span):
    assert check_span(first, last, today=TODAY) == span


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        (date(2026, 11, 23), None, "from"),
        (date(2026, 1, 2), date(2026, 1, 1), "from"),
        (date(2025, 1, 1), date(2026, 1, 2), "from"),
        (None, date.max, "to"),
    ],
)
def test_days_in_the_wrong_order_or_too_many_are_refused(first, last, field):
    with pytest.raises(BadInput) as refused:
        check_span(first, last, today=TODAY)
    assert list(refused.value.fields) == [field]
