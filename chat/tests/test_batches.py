"""Questions of the same time, without a database."""

import asyncio

import pytest

from chat import batches
from chat.batches import Batches
from chat.tests.waiting import eventually


class Scripted:
    """Answers of which each batch waits for its turn."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.turns: list[asyncio.Future[None]] = []

    async def answer(self, questions):
        self.asked.append(list(questions))
        self.turns.append(asyncio.get_running_loop().create_future())
        await self.turns[-1]
        return [question * 10 for question in questions]

    async def turn(self, number: int) -> "asyncio.Future[None]":
        await eventually(lambda: len(self.turns) > number)
        return self.turns[number]


async def test_who_asks_while_others_are_answered_is_in_the_next_batch():
    script = Scripted()
    questions = Batches(script.answer)
    early = asyncio.create_task(questions.ask(1))
    first = await script.turn(0)
    late = [asyncio.create_task(questions.ask(number)) for number in (2, 3)]
    await asyncio.sleep(0)

    first.set_result(None)
    assert await early == 10
    (await script.turn(1)).set_result(None)

    assert await asyncio.gather(*late) == [20, 30]
    assert script.asked == [[1], [2, 3]]


async def test_a_batch_has_its_bounds(monkeypatch):
    monkeypatch.setattr(batches, "BATCH_MAX", 2)
    asked = []

    async def answer(questions):
        asked.append(list(questions))
        return questions

    questions = Batches(answer)

    assert await asyncio.gather(*map(questions.ask, range(5))) == [0, 1, 2, 3, 4]
    assert asked == [[0, 1], [2, 3], [4]]


async def test_an_error_is_heard_by_all_of_the_batch_and_by_no_other():
    script = Scripted()
    questions = Batches(script.answer)
    failing = [asyncio.create_task(questions.ask(number)) for number in (1, 2)]
    turn = await script.turn(0)
    other = asyncio.create_task(questions.ask(3))
    await asyncio.sleep(0)

    turn.set_exception(OSError("away"))
    for each in failing:
        with pytest.raises(OSError, match="away"):
            await each
    (await script.turn(1)).set_result(None)

    assert await other == 30


async def test_who_stops_waiting_costs_the_others_nothing():
    script = Scripted()
    questions = Batches(script.answer)
    gone, here = (asyncio.create_task(questions.ask(number)) for number in (1, 2))
    turn = await script.turn(0)

    gone.cancel()
    await asyncio.sleep(0)
    turn.set_result(None)

    assert await here == 20
    assert gone.cancelled()
