"""Days and months of UTC, in which budgets renew. Pure."""

from datetime import UTC, date, datetime, time, timedelta


def first_day(period: str, day: date) -> date:
    """The first day of the period, "day" or "month", that `day` lies in."""
    return day if period == "day" else day.replace(day=1)


def renews_at(period: str, start: date) -> datetime:
    """The moment, in UTC, at which the period that began on `start` is over."""
    if period == "day":
        following = start + timedelta(days=1)
    else:
        following = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
    return datetime.combine(following, time(), UTC)


def in_words(moment: datetime) -> str:
    """`1 December, 00:00 UTC`."""
    return f"{moment.day} {moment:%B}, {moment:%H:%M} UTC"
