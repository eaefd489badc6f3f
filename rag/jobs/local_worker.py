"""Working off documents inside a command, as one more worker of their queue.

So nothing is done twice, whether other workers run or not: a job is claimed by whoever takes it from the queue. A
command that is killed leaves its jobs to them, or to its next run.
"""

import asyncio
from collections.abc import Callable

from chat.database import run_in_db
from rag.jobs import upkeep
from rag.jobs.enqueueing import DOCUMENTS
from rag.jobs.worker_app import WorkerApp

POLL_S = 0.5
POLLS_PER_UPKEEP = 10
HEARTBEAT_INTERVAL_S = 3.0  # as `manage.py worker`
CONCURRENCY = 2  # one document is read while another one's vectors are made


def work_until(is_done: Callable[[], bool]) -> bool:
    """Take jobs of documents until `is_done()`, asked twice a second in a thread; False if interrupted before."""
    return asyncio.run(_work_until(is_done))


async def _work_until(is_done: Callable[[], bool]) -> bool:
    worker_app = WorkerApp(min_size=1, max_size=4)
    async with worker_app.open_async():
        working = asyncio.create_task(
            worker_app.run_worker_async(
                queues=[DOCUMENTS],
                concurrency=CONCURRENCY,
                delete_jobs="successful",
                update_heartbeat_interval=HEARTBEAT_INTERVAL_S,
                shutdown_graceful_timeout=HEARTBEAT_INTERVAL_S,
            )
        )
        polls = 0
        while not (done := await run_in_db(is_done)) and not working.done():
            if polls % POLLS_PER_UPKEEP == 0:
                await run_in_db(upkeep.retry_stalled_jobs)
            polls += 1
            await asyncio.wait([working], timeout=POLL_S)
        working.cancel()
        try:
            await working
        except asyncio.CancelledError:
            pass
        return done
