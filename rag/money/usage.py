"""What the questions of a user have cost, by the days on which models were asked."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, Sum
from django.db.models.functions import TruncDate

from chat.errors import bad_input
from rag.models import AnswerAttempt, Budget, BudgetPeriod, ModelCall
from rag.money.periods import first_day, renews_at

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from chat.models import User

SPAN_MAX_DAYS = 366
_MILLIONTH = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Usage:
    """`input_tokens` are with those written to and read from a cache; `cost` is in USD, to a millionth.

    `answers` counts those of which at least one attempt began in the span. `budget` and `remaining` (USD) are those of
    the user's own budget that has least left; None where none is set, or where the span is over.
    """

    input_tokens: int
    output_tokens: int
    cost: Decimal
    answers: int
    budget: Decimal | None = None
    remaining: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What one model, one assistant, one purpose or one day has of the whole. Cost in USD."""

    label: str
    calls: int
    tokens: int
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Standing:
    """How a budget of a user's own stands in its current period. USD."""

    period: str
    limit: Decimal
    spent: Decimal
    reserved: Decimal
    renews_at: datetime

    @property
    def left(self) -> Decimal:
        """Never negative, although the limit may have been lowered since."""
        return max(Decimal(0), self.limit - self.spent - self.reserved)

    @property
    def percent_used(self) -> int:
        """0 to 100."""
        return 100 if not self.limit else min(100, int(100 * (self.limit - self.left) / self.limit))


def usage_of(user: "User", first: date, last: date) -> Usage:
    """Usage by every call for the user's questions that began on these days of UTC, both included.

    Who asks pays: also for what somebody else had written anew.
    """
    spent = calls_of(user, first, last).aggregate(
        read=Sum("input_tokens", default=0),
        written_to_cache=Sum("cache_write_tokens", default=0),
        read_from_cache=Sum("cache_read_tokens", default=0),
        written=Sum("output_tokens", default=0),
        cost=Sum("cost", default=Decimal(0)),
    )
    # The extractive answerer answers, too, and is no model that anybody pays.
    attempts = AnswerAttempt.objects.filter(
        answer__asked_by=user,
        begun_at__gte=_midnight(first),
        begun_at__lt=_midnight(last + timedelta(days=1)),
    )
    is_current = first <= datetime.now(UTC).date() <= last
    scarcest = min(standings(user), key=lambda standing: standing.left, default=None) if is_current else None
    return Usage(
        input_tokens=spent["read"] + spent["written_to_cache"] + spent["read_from_cache"],
        output_tokens=spent["written"],
        cost=spent["cost"].quantize(_MILLIONTH),
        answers=attempts.aggregate(answers=Count("answer", distinct=True))["answers"],
        budget=scarcest.limit if scarcest else None,
        remaining=scarcest.left.quantize(_MILLIONTH) if scarcest else None,
    )


def calls_of(user: "User", first: date, last: date) -> "QuerySet[ModelCall]":
    """The ledger of the user's questions on these days."""
    return ModelCall.objects.filter(
        user=user, begun_at__gte=_midnight(first), begun_at__lt=_midnight(last + timedelta(days=1))
    )


def shares(calls: "QuerySet[ModelCall]", by: str) -> list[Share]:
    """What each `by` ("model", "purpose" or "assistant__username") has of the calls, the dearest first."""
    rows = _added_up(calls.values(label=F(by)).order_by())
    listed = [Share(row["label"] or "-", row["calls"], row["tokens"], row["cost"]) for row in rows]
    return sorted(listed, key=lambda share: (-share.cost, -share.tokens, share.label))


def days(calls: "QuerySet[ModelCall]", first: date, last: date) -> list[Share]:
    """Each day from the first to the last, those without calls too."""
    rows = _added_up(calls.values(day=TruncDate("begun_at", tzinfo=UTC)))
    found = {row["day"]: row for row in rows}
    listed = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        row = found.get(day, {"calls": 0, "tokens": 0, "cost": Decimal(0)})
        listed.append(Share(day.isoformat(), row["calls"], row["tokens"], row["cost"]))
    return listed


# Any: rows of columns that are named when the program runs.
def _added_up(grouped: "QuerySet[ModelCall, Any]") -> "QuerySet[ModelCall, dict[str, Any]]":
    tokens = F("input_tokens") + F("output_tokens") + F("cache_write_tokens") + F("cache_read_tokens")
    return grouped.annotate(calls=Count("pk"), tokens=Sum(tokens), cost=Sum("cost"))


def standings(user: "User", *, now: datetime | None = None) -> list[Standing]:
    """The user's own budgets, that of the day first."""
    moment = now or datetime.now(UTC)
    budgets = Budget.objects.filter(scope="user", user=user) | Budget.objects.filter(scope="each_user")
    listed = []
    for budget in budgets.order_by("period", "pk"):
        start = first_day(budget.period, moment.date())
        whose = user if budget.scope == "each_user" else None
        row = BudgetPeriod.objects.filter(budget=budget, user=whose, starts_on=start).first()
        spent, reserved = (row.spent, row.reserved) if row else (Decimal(0), Decimal(0))
        renewal = renews_at(budget.period, start)
        listed.append(Standing(budget.period, budget.limit, spent, reserved, renewal))
    return listed


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def check_span(first: date | None, last: date | None, *, today: date) -> tuple[date, date]:
    """The days to look at. Without a first day the month of the last one from its beginning; without a last, today.

    Raises:
        BadInput: the first day is after the last, or there are more than SPAN_MAX_DAYS.
    """
    end = today if last is None else last
    start = end.replace(day=1) if first is None else first
    if start > end:
        raise bad_input("from", f"must not be after {end}")
    if (end - start).days >= SPAN_MAX_DAYS:
        limit = f"must be at most {SPAN_MAX_DAYS} days before the end"
        raise bad_input("from", limit)
    if end == date.max:  # the day after it does not exist
        raise bad_input("to", "is too far away")
    return start, end
