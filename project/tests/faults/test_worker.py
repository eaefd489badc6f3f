"""The assistant's answer and everything else survive the death of what makes them; then all faults in one run."""

import asyncio
import signal
from collections.abc import Iterator

import pytest

from project.tests.faults.program import POSTGRES, VALKEY, WEB, WORKER, Program, running_program
from project.tests.faults.run import Run
from project.tests.upruns import free_port
from rag.tests.anthropic_peer import AnthropicPeer, Pause, block

pytestmark = pytest.mark.faults
BEGUN, ANSWER = "It begins with a few words, ", "All of it is here."
ANSWER_TIMEOUT_S = 60.0  # a worker counts as dead after 10 s without a heartbeat; then another begins anew


@pytest.fixture(scope="module")
def model_port() -> int:
    """Where the language model listens, when there is one."""
    return free_port()


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, model_port: int) -> Iterator[Program]:
    """A program whose assistant asks the language model of the test."""
    model = {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{model_port}"}
    with running_program(tmp_path_factory.mktemp("faults"), **model) as running:
        yield running


def dying_model(port: int) -> AnthropicPeer:
    """A model that begins its first answer and never ends it, and gives whole ones from then on."""
    return AnthropicPeer([block(BEGUN), Pause(300)], [block(ANSWER)], port=port)


async def ask(run: Run, model: AnthropicPeer) -> None:
    """Ask the assistant in the first room, and wait until its answer has begun."""
    answer = await run.senders[0].ask("@parley Are you still there?", run.cast.rooms[0])
    assert answer["ok"]
    await run.until(lambda: bool(run.texts_seen("streaming")) and bool(model.requests))
    await asyncio.sleep(0.5)  # its first words are on their way


async def await_answer(run: Run) -> None:
    """Wait until the answer is whole for the first client; the verdict looks at the others."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await run.until(lambda: ANSWER in run.texts_seen("final"))
    except TimeoutError:
        answers = run.program.rows("select status, text, delta_index from chat_message where kind = 'answer'")
        pytest.fail(f"no whole answer was seen; stored are {answers}\n{run.program.up.printed()}")


async def test_an_answer_whose_worker_is_killed_is_finished_by_another(program, start_run, model_port):
    async with dying_model(model_port) as model, start_run() as run:
        await run.sent(0.2)
        await ask(run, model)
        pid = program.signal(WORKER, signal.SIGKILL)
        await asyncio.to_thread(program.await_replacement, WORKER, pid)
        await await_answer(run)

    run.assert_kept()


@pytest.mark.long
async def test_one_fault_after_the_other_costs_nothing(program, start_run, model_port):
    async with dying_model(model_port) as model, start_run() as run:
        await run.sent(0.1)
        await ask(run, model)
        for step, kind in enumerate((WORKER, WEB, VALKEY, POSTGRES, WEB, VALKEY), 1):
            await run.sent(0.1 + step / 10)
            pid = program.signal(kind, signal.SIGKILL)
            await asyncio.to_thread(program.await_replacement, kind, pid)
        await run.sent(0.8)
        at_once = {kind: program.signal(kind, signal.SIGKILL) for kind in (VALKEY, POSTGRES, WEB)}
        for kind, pid in at_once.items():
            await asyncio.to_thread(program.await_replacement, kind, pid)
        await await_answer(run)

    run.assert_kept()
    assert run.reconnects > 0
