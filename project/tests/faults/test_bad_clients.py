"""Members who misbehave are cut off, and the others notice nothing."""

import asyncio
from collections.abc import Iterator

import pytest

from project.tests.faults import bad_clients
from project.tests.faults.bad_clients import NeverReads
from project.tests.faults.program import Program, running_program
from project.tests.faults.run import MESSAGES

pytestmark = pytest.mark.faults
LONG_TEXT_CHARACTERS = (
    6000  # so that what waits for a client that does not read is soon more than the buffers hold
)
PER_S = 60.0  # below the rate limits of six busy people


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A program with its limits on, as people run it."""
    with running_program(tmp_path_factory.mktemp("faults"), RATE_LIMITS="on") as running:
        yield running


async def test_clients_that_misbehave_are_cut_off_and_others_notice_nothing(program, start_run):
    messages = min(MESSAGES, 900)
    async with start_run(messages=messages, per_s=PER_S, text_characters=LONG_TEXT_CHARACTERS) as run:
        token = run.cast.tokens[-1]
        sleepers = [NeverReads(program.port, token, run.cast.rooms) for _ in range(2)]
        for sleeper in sleepers:
            await sleeper.open()
        async with asyncio.timeout(60):
            endings = await asyncio.gather(
                bad_clients.never_says_who_it_is(program.port),
                bad_clients.sends_nonsense(program.port, token),
                bad_clients.sends_too_much(program.port, token),
                bad_clients.floods(program.port, token),
            )
        await run.sent(1.0)
        async with asyncio.timeout(30):
            left = [await sleeper.cut_off() for sleeper in sleepers]

    run.assert_kept()
    assert endings[:2] == ["no namespace was connected to", "parse error"]
    assert (run.reconnects, run.tries_again) == (0, 0), str(run)
    everything = messages * LONG_TEXT_CHARACTERS * 2  # as text and as HTML
    assert all(size < everything / 2 for size in left), left
