"""The parts of uvicorn's WebSocket protocol that are replaced do what those that were there did."""

import asyncio

import pytest

from chat.tests.waiting import eventually
from project.slim_websocket import Gate, Messages


async def test_messages_come_in_their_order_to_who_waits_and_who_comes_later():
    messages = Messages()
    reader = asyncio.create_task(messages.get())
    await asyncio.sleep(0)

    for number in (1, 2, 3):
        messages.put_nowait(number)

    assert await reader == 1
    assert [await messages.get(), messages.empty(), await messages.get(), messages.empty()] == [
        2,
        False,
        3,
        True,
    ]


async def test_a_reader_that_is_cancelled_takes_no_message_with_it():
    messages = Messages()
    reader = asyncio.create_task(messages.get())
    await asyncio.sleep(0)

    reader.cancel()
    messages.put_nowait(1)
    with pytest.raises(asyncio.CancelledError):
        await reader

    assert await messages.get() == 1


async def test_a_gate_lets_all_through_once_it_is_open():
    gate = Gate()
    await gate.wait()
    gate.clear()
    gate.clear()
    waiting = [asyncio.create_task(gate.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    assert not gate.is_set() and not any(task.done() for task in waiting)

    waiting[0].cancel()  # one that gives up does not open or break it
    await asyncio.sleep(0)
    gate.set()
    gate.set()

    await eventually(lambda: all(task.done() for task in waiting))
    assert gate.is_set() and [task.cancelled() for task in waiting] == [True, False, False]
