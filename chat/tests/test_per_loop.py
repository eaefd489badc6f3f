import asyncio

import pytest

from chat.per_loop import PerLoop


class Thing:
    pass


async def given(things: PerLoop[Thing]) -> Thing:
    return things()


def test_each_event_loop_has_one_instance():
    things = PerLoop(Thing)

    async def twice() -> tuple[Thing, Thing]:
        return things(), await asyncio.create_task(given(things))

    first, again = asyncio.run(twice())
    elsewhere = asyncio.run(given(things))

    assert first is again
    assert elsewhere is not first


async def test_an_instance_that_is_forgotten_is_made_anew():
    things = PerLoop(Thing)
    first = things()

    things.forget(Thing())
    assert things() is first
    things.forget(first)

    assert things() is not first


def test_there_is_no_instance_without_an_event_loop():
    with pytest.raises(RuntimeError):
        PerLoop(Thing)()
