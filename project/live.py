"""The admin's live page: what `/ops` sends, rendered once by the server and kept up by `project/live.js`."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from asgiref.sync import async_to_sync
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from chat.ops.monitor import current_monitor


class Column(NamedTuple):
    """A figure that is shown; `unit` is one of those of `as_text`."""

    name: str
    label: str
    unit: str = "count"


class Cell(NamedTuple):
    """A figure as it is shown now."""

    column: Column
    text: str


COMMON = (
    Column("websockets", "WebSockets"),
    Column("polling", "Polling"),
    Column("usersOnline", "Users online"),
    Column("roomsListened", "Rooms"),
    Column("messagesPostedPerS", "Messages/s", "rate"),
    Column("eventsDeliveredPerS", "Events/s", "rate"),
    Column("longestOutbox", "Longest outbox"),
    Column("slowReaders", "Slow readers"),
    Column("rateLimited", "Rate limited"),
    Column("loopLagSeconds", "Loop lag", "lag"),
    Column("residentBytes", "Memory", "bytes"),
)
TILES = (Column("processes", "Web processes"), *COMMON)
COLUMNS = (Column("uptimeS", "Up", "duration"), *COMMON)
JOB_COLUMNS = (Column("waiting", "Waiting"), Column("running", "Running"), Column("failed", "Failed"))
SERVICES = {"database": "PostgreSQL", "redis": "Valkey"}


def as_text(value: float | None, unit: str) -> str:
    """As `asText` in `live.js` writes it: a count, a rate, a lag in seconds, a duration in seconds, or bytes."""
    if value is None:
        return "–"
    match unit:
        case "rate":
            return f"{value:.1f}" if value < 10 else f"{round(value):,}"
        case "lag":
            return f"{round(value * 1000):,} ms"
        case "bytes":
            return f"{round(value / 1_000_000):,} MB"
        case "duration":
            return _duration(round(value))
    return f"{round(value):,}"


def _duration(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600} h"


def live_page(request: HttpRequest, site: AdminSite) -> HttpResponse:
    """The page with the figures of this moment; those of other processes follow when the page is live."""
    figures = async_to_sync(_figures)()
    jobs = figures["shared"].get("jobs") or {}
    context = {
        **site.each_context(request),
        "title": "Live",
        "tiles": _cells(TILES, figures["total"]),
        "columns": COLUMNS,
        "processes": [_row(f"{one['host']}:{one['pid']}", COLUMNS, one) for one in figures["processes"]],
        "empty_process": _row("", COLUMNS, {}),
        "job_columns": JOB_COLUMNS,
        "queues": [_row(queue, JOB_COLUMNS, counts) for queue, counts in jobs.items()],
        "empty_queue": _row("", JOB_COLUMNS, {}),
        "services": [
            {"name": name, "label": SERVICES[name], **service}
            for name, service in figures["services"].items()
        ],
    }
    return TemplateResponse(request, "admin/live.html", context)


async def _figures() -> dict[str, Any]:
    return await current_monitor().figures()


def _cells(columns: Sequence[Column], numbers: Mapping[str, float]) -> list[Cell]:
    return [Cell(column, as_text(numbers.get(column.name), column.unit)) for column in columns]


def _row(title: str, columns: Sequence[Column], numbers: Mapping[str, float]) -> dict[str, Any]:
    return {"title": title, "cells": _cells(columns, numbers)}
