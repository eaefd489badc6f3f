"""What one's questions have cost, by days of UTC."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from chat.errors import BadInput
from rag.models import Answer, AnswerAttempt, Budget, ModelCall
from rag.money.usage import check_span, usage_of
from rag.tests.conftest import chat_model

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


FREE = {f"{kind}_price": 0 for kind in ("input", "output", "cache_write", "cache_read")}


def _attempt(answer, number: int, begun_at: datetime, cost=0, model="claude", **spent) -> None:
    AnswerAttempt.objects.create(answer=answer, number=number, begun_at=begun_at)
    whose = {"user": answer.asked_by, "assistant": answer.assistant, "answer": answer, "attempt": number}
    ModelCall.objects.create(
        purpose="answer",
        outcome="complete",
        model=model,
        cost=cost,
        begun_at=begun_at,
        **whose,
        **FREE,
        **spent,
    )


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


@pytest.mark.django_db
def test_the_scarcest_of_ones_own_budgets_is_told(ada, grace, answer):
    today = datetime.now(UTC).date()
    Budget.objects.create(scope="each_user", period="month", limit=20)
    Budget.objects.create(scope="user", user=ada, period="day", limit=3)
    Budget.objects.create(scope="user", user=grace, period="day", limit=1)
    Budget.objects.create(scope="everything", period="day", limit=1)
    usage = usage_of(ada, today, today)
    assert (usage.budget, usage.remaining) == (3, 3)
    long_ago = usage_of(ada, date(2026, 1, 1), date(2026, 1, 2))
    assert (long_ago.budget, long_ago.remaining) == (None, None)


# ---------------------------------------------------------------------------------------------- the page


def _page(client, person, **query):
    client.force_login(person)
    return client.get("/usage/", query).content.decode()


@pytest.mark.django_db
def test_the_page_adds_up_by_day_model_and_assistant(client, ada, answer):
    for day, model, cost in ((3, "claude-a", "1.5"), (3, "claude-b", "0.25"), (20, "claude-a", "2")):
        _attempt(answer, day + len(model + cost), datetime(2026, 2, day, tzinfo=UTC), Decimal(cost), model)
    page = _page(client, ada, month="2026-02")
    assert "3.7500 USD" in page
    assert "3 February: 1.7500 USD" in page and "20 February: 2.0000 USD" in page
    assert page.index("claude-a") < page.index("claude-b")
    assert page.count("<rect") == 28


@pytest.mark.django_db
def test_the_page_shows_budgets_and_warns_when_little_is_left(client, ada):
    Budget.objects.create(scope="user", user=ada, period="month", limit=10)
    assert "10.00 of 10.00 USD left this month" in _page(client, ada)
    period = Budget.objects.get().periods.create(starts_on=datetime.now(UTC).date().replace(day=1), spent=9)
    assert "More than 80 % of it is used" in _page(client, ada)
    period.spent = 10
    period.save()
    assert "It is used up" in _page(client, ada)


@pytest.mark.django_db
@pytest.mark.parametrize("month", ["", "2026-13", "9999-01", "0001-01", "x", "2026-02-01", "2019-12"])
def test_a_month_that_is_none_is_the_present_one(client, ada, month):
    assert f"{datetime.now(UTC):%B %Y}" in _page(client, ada, month=month)


@pytest.mark.django_db
def test_the_download_holds_ones_own_calls_and_no_formulas(client, ada, grace, answer):
    _attempt(answer, 1, datetime(2026, 2, 3, tzinfo=UTC), Decimal("0.5"), "=HYPERLINK(1)")
    client.force_login(ada)
    lines = b"".join(client.get("/usage/calls.csv?month=2026-02").streaming_content).decode().splitlines()
    assert len(lines) == 2
    assert "'=HYPERLINK(1)" in lines[1] and "0.5000000000" in lines[1]
    client.force_login(grace)
    assert len(b"".join(client.get("/usage/calls.csv?month=2026-02").streaming_content).splitlines()) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/usage/", "/usage/calls.csv"])
def test_whoever_is_signed_out_is_sent_to_sign_in(client, path):
    assert client.get(path).status_code == 302
