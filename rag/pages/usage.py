"""The page of what one's own questions have cost."""

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from rag.money.export import calls_as_csv
from rag.money.usage import Share, calls_of, days, shares, standings, usage_of

EARLIEST = date(2020, 1, 1)


@dataclass(frozen=True, slots=True)
class Bar:
    """A day of the chart. `height` is a percentage of the dearest day."""

    day: date
    share: Share
    height: int

    @property
    def top(self) -> int:
        return 100 - self.height


@require_safe
@login_required
def usage(request: HttpRequest) -> HttpResponse:
    """A month of one's own usage, `?month=2026-11`; the present one by default."""
    user: Any = request.user
    first, last = _month(request.GET.get("month", ""))
    calls = calls_of(user, first, last)
    spent = usage_of(user, first, last)
    context = {
        "section": "usage",
        "first": first,
        "spent": spent,
        "tokens": spent.input_tokens + spent.output_tokens,
        "standings": standings(user),
        "bars": _bars(days(calls, first, last)),
        "models": shares(calls, "model"),
        "assistants": shares(calls, "assistant__username"),
        "previous_url": _address(first - timedelta(days=1)) if first > EARLIEST else None,
        "next_url": _address(last + timedelta(days=1)) if last < datetime.now(UTC).date() else None,
        "csv_url": f"{reverse('usage-csv')}?month={first:%Y-%m}",
    }
    return render(request, "rag/usage.html", context)


@require_safe
@login_required
def usage_csv(request: HttpRequest) -> HttpResponseBase:
    """The calls of that month for one's own questions, as a download."""
    user: Any = request.user
    return calls_as_csv(calls_of(user, *_month(request.GET.get("month", ""))))


def _month(wanted: str) -> tuple[date, date]:
    """First and last day of a month such as `2026-11`; of the present one, if it is none or not yet begun."""
    today = datetime.now(UTC).date()
    try:
        first = datetime.strptime(wanted, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        first = today
    if not EARLIEST <= first <= today:
        first = today
    first = first.replace(day=1)
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


def _bars(listed: list[Share]) -> list[Bar]:
    """By cost; by tokens where nothing costs anything, as with models on one's own machines."""
    by_cost = any(share.cost for share in listed)
    sizes = [share.cost if by_cost else Decimal(share.tokens) for share in listed]
    most = max(sizes) or Decimal(1)
    return [
        Bar(date.fromisoformat(share.label), share, round(100 * size / most))
        for share, size in zip(listed, sizes, strict=True)
    ]


def _address(day: date) -> str:
    return f"{reverse('usage')}?month={day:%Y-%m}"
