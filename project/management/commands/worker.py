"""`manage.py worker`."""

import argparse
import asyncio
from typing import Any

from django.core.management.base import BaseCommand
from procrastinate.contrib.django import DjangoApp, app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.psycopg_connector import PsycopgConnector

from rag.answering.preparation import prepare

QUEUES = ["answers", "documents"]
CONCURRENCY = 10
# A killed worker's jobs are taken over once its heartbeat is this old: an answer waits no longer than that.
HEARTBEAT_INTERVAL_S = 3.0
STALLED_AFTER_S = 10.0
GRACEFUL_SHUTDOWN_S = 3.0  # then running jobs are cancelled; `up` waits for five seconds in all


class Command(BaseCommand):
    """Runs jobs until SIGTERM or Ctrl-C; any number of workers, on any machine, share the queues."""

    requires_system_checks: list[str] = []  # a worker needs no pages
    help = "Run a job worker: answers, and documents on their way into the index."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--concurrency", type=int, default=CONCURRENCY, help="jobs at a time (10)")
        parser.add_argument(
            "--queues", nargs="+", default=QUEUES, metavar="QUEUE", help=f"({' '.join(QUEUES)})"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(run_worker(concurrency=options["concurrency"], queues=options["queues"]))


async def run_worker(*, concurrency: int, queues: list[str]) -> None:
    """Serve the queues. New jobs are noticed at once (LISTEN), not at the next poll.

    The worker has connections of its own; what a task defers goes through Django's connection all the
    same, so that it belongs to the task's transaction. `App.replace_connector` would change that for the
    whole process.
    """
    connector = PsycopgConnector(kwargs=connector_params(), min_size=1, max_size=4)
    worker_app = DjangoApp(connector=connector, import_paths=app.import_paths)
    worker_app.tasks = app.tasks
    worker_app.periodic_registry = app.periodic_registry
    preparing = asyncio.get_running_loop().run_in_executor(None, prepare)  # jobs need not wait for it
    async with worker_app.open_async():
        await worker_app.run_worker_async(
            queues=queues,
            concurrency=concurrency,
            name="worker",
            listen_notify=True,
            delete_jobs="successful",
            update_heartbeat_interval=HEARTBEAT_INTERVAL_S,
            stalled_worker_timeout=STALLED_AFTER_S,
            shutdown_graceful_timeout=GRACEFUL_SHUTDOWN_S,
        )
    await preparing
