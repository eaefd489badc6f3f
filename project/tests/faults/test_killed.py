"""A process is killed in the middle of the traffic: nothing is lost, nothing doubled, one order, truthful answers."""

import asyncio
import signal

import pytest

from project.tests.faults.program import POSTGRES, VALKEY, WEB

pytestmark = pytest.mark.faults


async def test_without_a_fault_nothing_is_lost(start_run):
    async with start_run() as run:
        pass

    run.assert_kept()
    assert run.tries_again == 0


async def test_a_killed_web_process_costs_nothing(program, start_run):
    async with start_run() as run:
        for share in (0.25, 0.6):  # one, then the other
            await run.sent(share)
            pid = program.signal(WEB, signal.SIGKILL)
            await asyncio.to_thread(program.await_replacement, WEB, pid, 2)

    run.assert_kept()
    assert run.reconnects > 0


async def test_a_killed_valkey_that_comes_back_empty_costs_nothing(program, start_run):
    async with start_run() as run:
        await run.sent(0.3)
        await asyncio.to_thread(program.mark_valkey)
        pid = program.signal(VALKEY, signal.SIGKILL)
        await asyncio.to_thread(program.await_replacement, VALKEY, pid)
        assert await asyncio.to_thread(program.is_valkey_empty)

    run.assert_kept()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["fast shutdown", "killed"])
async def test_a_restart_of_postgresql_costs_nothing(program, start_run, number):
    async with start_run() as run:
        await run.sent(0.3)
        pid = program.signal(POSTGRES, number)
        await asyncio.to_thread(program.await_replacement, POSTGRES, pid)

    run.assert_kept()


async def test_an_end_of_everything_at_once_costs_nothing(program, start_run):
    async with start_run() as run:
        await run.sent(0.4)
        await asyncio.to_thread(program.kill_everything)

    run.assert_kept()
    assert run.recoveries > 0 and run.tries_again > 0
