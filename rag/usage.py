"""What the questions of a user have cost, by the days on which the answers were written."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db.models import Count, Sum

from chat.errors import bad_input
from rag.models import AnswerAttempt

if TYPE_CHECKING:
    from chat.models import User

SPAN_MAX_DAYS = 366
_MILLIONTH = Decimal("0.000001")  # what the column keeps, and so what a sum of none has


@dataclass(frozen=True, slots=True)
class Usage:
    """`input_tokens` are with those written to and read from a cache; `cost` is in USD, exact to a millionth.

    `answers` counts those of which at least one attempt began in the span. `budget` and `remaining` (USD) are None
    where no budget is set.
    """

    input_tokens: int
    output_tokens: int
    cost: Decimal
    answers: int
    budget: Decimal | None = None
    remaining: Decimal | None = None


def usage_of(user: "User", first: date, last: date) -> Usage:
    """Usage by every attempt at an answer to the user's questions that began on these days of UTC, both included.

    Who asks pays: also for what somebody else had written anew.
    """
    attempts = AnswerAttempt.objects.filter(
        answer__asked_by=user,
        begun_at__gte=_midnight(first),
        begun_at__lt=_midnight(last + timedelta(days=1)),
    )
    spent = attempts.aggregate(
        read=Sum("input_tokens", default=0),
        written_to_cache=Sum("cache_write_tokens", default=0),
        read_from_cache=Sum("cache_read_tokens", default=0),
        written=Sum("output_tokens", default=0),
        cost=Sum("cost", default=Decimal(0)),
        answers=Count("answer", distinct=True),
    )
    return Usage(
        input_tokens=spent["read"] + spent["written_to_cache"] + spent["read_from_cache"],
        output_tokens=spent["written"],
        cost=spent["cost"].quantize(_MILLIONTH),
        answers=spent["answers"],
    )


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
