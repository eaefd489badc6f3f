"""Connections are cut, torn, stalled and refused between clients and the program: everybody converges."""

import asyncio
import signal

import pytest

from project.tests.faults.network import bad_network
from project.tests.faults.program import WEB
from project.tests.faults.run import MESSAGES

pytestmark = pytest.mark.faults


async def test_connections_that_flap_cost_nothing(program, start_run):
    async with bad_network(program.port) as (network, port), start_run(port=port) as run:
        for step in range(1, 9):
            await run.sent(step / 10)
            network.cut(0.3)
            network.tear(0.3)

    run.assert_kept()
    assert run.reconnects > len(run.clients) / 2 and network.cuts > len(run.clients)


async def test_a_network_that_is_gone_for_seconds_costs_nothing(program, start_run):
    async with bad_network(program.port) as (network, port), start_run(port=port) as run:
        await run.sent(0.3)
        async with network.down():
            await asyncio.sleep(4)
        await run.sent(0.6)
        network.stall()  # nobody is told; what was sent meanwhile arrives late
        await asyncio.sleep(4)
        network.resume()

    run.assert_kept()


@pytest.mark.long  # they notice by the heartbeat, which takes 45 s
async def test_clients_of_a_server_that_has_forgotten_them_come_back(program, start_run):
    async with bad_network(program.port) as (network, port), start_run(port=port) as run:
        await run.sent(0.3)
        network.forget(0.5)

    run.assert_kept()


async def test_a_web_process_that_stands_still_costs_nothing(program, start_run):
    async with start_run(messages=MESSAGES // 2) as run:
        await run.sent(0.3)
        frozen = program.signal(WEB, signal.SIGSTOP)
        try:
            await asyncio.sleep(5)  # less than `up` takes for a hang
        finally:
            program.resume(frozen)

    run.assert_kept()
