import asyncio
import gc
import logging

import pytest

from chat.background import Tasks
from chat.tests.waiting import eventually


async def test_a_task_that_nobody_holds_runs_to_its_end():
    tasks, steps = Tasks(), []

    async def work() -> None:
        for number in range(3):
            await asyncio.sleep(0)
            gc.collect()
            steps.append(number)

    tasks.begin(work(), "counting")

    await eventually(lambda: len(tasks) == 0)
    assert steps == [0, 1, 2]


async def test_what_a_task_raises_is_logged_under_its_name(caplog):
    tasks = Tasks()

    async def fail() -> None:
        raise ZeroDivisionError("a bug")

    tasks.begin(fail(), "counting")

    await eventually(lambda: len(tasks) == 0)
    [record] = caplog.records
    assert record.levelno == logging.ERROR and record.exc_info[0] is ZeroDivisionError
    assert "'counting' failed" in record.getMessage()


async def test_an_owner_ends_its_tasks_and_waits_for_them(caplog):
    tasks, ends = Tasks(), []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ends.append("cleaned up")

    first = tasks.begin(wait(), "waiting")
    tasks.begin(wait(), "waiting")
    await asyncio.sleep(0)

    await tasks.cancel()

    assert first.cancelled() and len(tasks) == 0
    assert ends == ["cleaned up"] * 2 and not caplog.records


def test_work_outside_of_an_event_loop_is_refused():
    async def work() -> None: ...

    coroutine = work()
    with pytest.raises(RuntimeError):
        Tasks().begin(coroutine, "never")
    coroutine.close()
