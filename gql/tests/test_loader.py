"""A loader asks once for what is wanted in one turn of the event loop."""

import asyncio

import pytest

from gql.loading.loader import Loader


class Doubled(Loader[int, int]):
    def __init__(self, *, failures: int = 0) -> None:
        super().__init__()
        self.asked: list[list[int]] = []
        self.failures = failures

    async def find(self, keys: list[int]) -> list[int]:
        self.asked.append(list(keys))
        await asyncio.sleep(0)
        if len(self.asked) <= self.failures:
            raise LookupError(f"attempt {len(self.asked)}")
        return [2 * key for key in keys]


async def test_keys_of_one_turn_are_asked_for_together_and_each_once():
    loader = Doubled()

    found = await asyncio.gather(loader.load_each([1, None, 2, 1]), loader.load(3), loader.load_each([2, 4]))

    assert found == [[2, None, 4, 2], 6, [4, 8]]
    assert loader.asked == [[1, 2, 3, 4]]


async def test_what_was_found_is_not_asked_for_again():
    loader = Doubled()
    await loader.load_each([1, 2])

    assert await loader.load_each([2, 3, 1]) == [4, 6, 2]
    assert loader.asked == [[1, 2], [3]]


async def test_keys_that_are_being_asked_for_are_waited_for():
    loader = Doubled()
    first = asyncio.create_task(loader.load_each([1, 2]))
    for _ in range(2):  # it begins, and the turn ends
        await asyncio.sleep(0)
    assert loader.asked == [[1, 2]]

    assert await loader.load_each([2, 3]) == [4, 6]
    assert await first == [2, 4]
    assert loader.asked == [[1, 2], [3]]


async def test_nothing_is_asked_for_no_keys():
    loader = Doubled()

    assert await loader.load_each([]) == []
    assert await loader.load_each([None]) == [None]
    assert loader.asked == []


async def test_a_failure_is_that_of_all_who_asked_and_the_next_ask_again():
    loader = Doubled(failures=1)

    failed = await asyncio.gather(loader.load(1), loader.load_each([1, 2]), return_exceptions=True)

    assert [str(error) for error in failed] == ["attempt 1", "attempt 1"]
    assert await loader.load_each([1, 2]) == [2, 4]
    assert loader.asked == [[1, 2], [1, 2]]


async def test_a_wrong_number_of_values_is_an_error():
    class Short(Doubled):
        async def find(self, keys: list[int]) -> list[int]:
            return [1]

    with pytest.raises(ValueError, match="zip"):
        await Short().load_each([1, 2])


TURNS = pytest.mark.parametrize("turns", [1, 2], ids=["before it asks", "while it asks"])


@TURNS
async def test_who_joined_somebody_who_is_cancelled_alone_asks_instead(turns):
    loader = Doubled()
    tasks = [asyncio.create_task(loader.load_each(keys)) for keys in ([1], [1, 2], [2, 3])]
    for _ in range(turns):
        await asyncio.sleep(0)
    tasks[0].cancel()

    async with asyncio.timeout(20):
        found = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1:] == [[2, 4], [4, 6]]
    assert loader.asked == [[1, 2, 3]] * turns


@TURNS
async def test_who_joined_and_is_cancelled_takes_nobody_with_it(turns):
    loader = Doubled()
    tasks = [asyncio.create_task(loader.load_each(keys)) for keys in ([1], [1, 2], [2, 3])]
    for _ in range(turns):
        await asyncio.sleep(0)
    tasks[1].cancel()

    async with asyncio.timeout(20):
        found = await asyncio.gather(*tasks, return_exceptions=True)

    assert (found[0], found[2]) == ([2], [4, 6])
    assert isinstance(found[1], asyncio.CancelledError)
    assert loader.asked == [[1, 2, 3]]


@TURNS
async def test_after_all_who_asked_are_cancelled_nothing_goes_on_and_the_next_ask_again(turns):
    loader = Doubled()
    tasks = [asyncio.create_task(loader.load_each(keys)) for keys in ([1], [1, 2])]
    for _ in range(turns):
        await asyncio.sleep(0)
    asked = len(loader.asked)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=20)

    assert [task.cancelled() for task in tasks] == [True, True]
    assert len(loader.asked) == asked
    assert await loader.load_each([1, 2]) == [2, 4]
