"""`manage.py worker`."""

import argparse
import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand

from rag.answering.preparation import prepare
from rag.jobs.worker_app import WorkerApp
from rag.llm.configured import close_clients

QUEUES = ["answers", "documents"]
CONCURRENCY = 10
# Documents keep the processor busy: one is read while another one's vectors are made.
MOST_AT_A_TIME = {"documents": 2}
IDLE_CONNECTION_S = 10.0  # one that is idle for longer is closed: each is a process of the database
# A killed worker's jobs are taken over once its heartbeat is this old: an answer waits no longer than that.
HEARTBEAT_INTERVAL_S = 3.0
STALLED_AFTER_S = 10.0
POLL_INTERVAL_S = 5.0  # for a job whose notification was lost with a connection
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

    Each queue has jobs of its own number, so that a hundred uploads leave room for a question.
    """
    loop = asyncio.get_running_loop()
    worker_app = WorkerApp(min_size=1, max_size=2 + 2 * len(queues), max_idle=IDLE_CONNECTION_S)
    preparing = loop.run_in_executor(None, prepare)  # jobs need not wait for it
    async with worker_app.open_async():
        serving = [
            asyncio.create_task(
                _serve(worker_app, queue, min(concurrency, MOST_AT_A_TIME.get(queue, concurrency)))
            )
            for queue in queues
        ]

        def stop() -> None:
            for task in serving:
                task.cancel()  # Procrastinate then waits for running jobs

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        await asyncio.wait(serving, return_when=asyncio.FIRST_COMPLETED)
        stop()  # one that ended by itself has lost its database: the whole worker is begun anew
        results = await asyncio.gather(*serving, return_exceptions=True)
    await preparing
    await close_clients()
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _serve(worker_app: WorkerApp, queue: str, concurrency: int) -> None:
    await worker_app.run_worker_async(
        queues=[queue],
        concurrency=concurrency,
        name="worker",
        listen_notify=True,
        fetch_job_polling_interval=POLL_INTERVAL_S,
        install_signal_handlers=False,
        delete_jobs="successful",
        update_heartbeat_interval=HEARTBEAT_INTERVAL_S,
        stalled_worker_timeout=STALLED_AFTER_S,
        shutdown_graceful_timeout=GRACEFUL_SHUTDOWN_S,
    )
