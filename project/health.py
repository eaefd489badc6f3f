"""`/health/live`, `/health/ready` and `/metrics`, for load balancers and monitoring.

No account is needed and no secret is told.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chat.database import run_in_db
from chat.ops.figures import STARTED_AT, all_figures, resident_bytes
from chat.ops.process_reports import current_reporter
from rag.jobs.queue_figures import jobs_by_queue

CHECK_TIMEOUT_S = 3.0
WORKER_ALIVE_S = 15.0  # a worker's heartbeat is a few seconds old at most


async def live(request: HttpRequest) -> HttpResponse:
    """200: this process answers. Touches nothing else."""
    return JsonResponse({"status": "ok"})


async def ready(request: HttpRequest) -> HttpResponse:
    """200 when database, channel layer and queue answer, otherwise 503; the body says which does not."""
    names = ("database", "channelLayer", "queue")
    problems = await asyncio.gather(
        _problem(check_database), _problem(check_channel_layer), _problem(check_queue)
    )
    checks = {name: problem or "ok" for name, problem in zip(names, problems, strict=True)}
    healthy = not any(problems)
    return JsonResponse(
        {"status": "ok" if healthy else "unavailable", "checks": checks}, status=200 if healthy else 503
    )


async def metrics(request: HttpRequest) -> HttpResponse:
    """This process and the shared queue in Prometheus' text format."""
    lines = [
        *_metric("process_resident_memory_bytes", "gauge", "Resident memory.", {"": resident_bytes()}),
        *_metric("process_start_time_seconds", "gauge", "Unix time of the start.", {"": STARTED_AT}),
        *_metric("process_open_fds", "gauge", "Open files and connections.", {"": _open_files()}),
    ]
    current_reporter().start()  # it measures how late the event loop is
    for figure in all_figures():
        name = f"parley_{figure.name}" + ("_total" if figure.kind == "counter" else "")
        if figure.read is not resident_bytes:  # above, by the name that all exporters use
            lines += _metric(name, figure.kind, figure.meaning, {"": figure.read()})
    try:
        jobs, workers = await run_in_db(queue_counts)
    except DatabaseError:
        lines += _metric("parley_database_up", "gauge", "Whether the database answers.", {"": 0})
    else:
        lines += _metric("parley_database_up", "gauge", "Whether the database answers.", {"": 1})
        lines += _metric(
            "parley_jobs", "gauge", "Jobs by queue and status, finished ones for as long as kept.", jobs
        )
        lines += _metric("parley_workers", "gauge", "Job workers with a recent heartbeat.", {"": workers})
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; version=0.0.4; charset=utf-8")


async def check_database() -> None:
    """Raises DatabaseError when a query cannot be run."""
    await run_in_db(_execute, "select 1")


async def check_channel_layer() -> None:
    """Raises RedisError or OSError when a server of the channel layer does not answer.

    A message to oneself would prove more, but leaves a channel and a subscription behind at every call.
    """
    layer: dict[str, Any] = settings.CHANNEL_LAYERS["default"]
    for host in layer["CONFIG"]["hosts"]:
        async with Redis.from_url(host) as client:
            await client.ping()


async def check_queue() -> None:
    """Raises DatabaseError when the queue's tables are not there. That no worker runs is no fault of a web process."""
    await run_in_db(_execute, "select 1 from procrastinate_jobs limit 1")


async def _problem(check: Callable[[], Awaitable[None]]) -> str | None:
    """What is wrong, without details that only the log should hold."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check()
    except (DatabaseError, RedisError, OSError) as error:  # OSError includes TimeoutError
        return type(error).__name__
    return None


def _execute(query: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query)


def queue_counts() -> tuple[dict[str, int], int]:
    """Jobs by queue and status, as Prometheus labels, and the number of workers alive."""
    jobs = {
        f'{{queue="{queue}",status="{status}"}}': count
        for queue, statuses in jobs_by_queue().items()
        for status, count in statuses.items()
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from procrastinate_workers where last_heartbeat > now() - make_interval(secs => %s)",
            [WORKER_ALIVE_S],
        )
        return jobs, cursor.fetchone()[0]


def _metric(name: str, kind: str, meaning: str, values: Mapping[str, float]) -> list[str]:
    return [
        f"# HELP {name} {meaning}",
        f"# TYPE {name} {kind}",
        *(f"{name}{labels} {value}" for labels, value in values.items()),
    ]


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))
