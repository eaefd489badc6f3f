"""A dataloader that is asked for many keys at once."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True, eq=False)
class _Batch(Generic[K, V]):
    """Keys that are asked for together, and a future of their values."""

    answer: asyncio.Future[dict[K, V]]
    keys: list[K] = field(default_factory=list)


class Loader(Generic[K, V]):
    """Answers one question for all keys that are wanted in the same turn of the event loop, and for each key once.

    What it has found is kept, so it lives no longer than an operation. `aiodataloader` makes a future of each key: for
    a page of messages these took longer than the rows.
    """

    def __init__(self) -> None:
        self._batches: dict[K, _Batch[K, V]] = {}  # by each key that was asked for
        self._open: _Batch[K, V] | None = None  # what others may still join

    async def find(self, keys: list[K]) -> Sequence[V]:
        """The values of the keys, which differ, in their order."""
        raise NotImplementedError

    async def load(self, key: K) -> V | None:
        """The value of one key."""
        [value] = await self.load_each([key])
        return value

    async def load_each(self, keys: Iterable[K | None]) -> list[V | None]:
        """The values of the keys, in their order; None gives None.

        Raises:
            What `find` raises, to everybody whose keys it had. Who asks again has it called again.
        """
        keys = list(keys)
        is_first = self._open is None
        batches = dict.fromkeys(self._batch_of(key) for key in dict.fromkeys(keys) if key is not None)
        if is_first and self._open is not None:
            await self._ask(self._open)
        found: dict[K, V] = {}
        for batch in batches:
            answer = await batch.answer
            found = found | answer if found else answer
        return [None if key is None else found[key] for key in keys]

    def _batch_of(self, key: K) -> _Batch[K, V]:
        batch = self._batches.get(key)
        if batch is None:
            if self._open is None:
                self._open = _Batch(asyncio.get_running_loop().create_future())
            batch = self._batches[key] = self._open
            batch.keys.append(key)
        return batch

    async def _ask(self, batch: _Batch[K, V]) -> None:
        """Ask for a batch, which whoever came first does for all that come in the same turn."""
        try:
            await asyncio.sleep(0)
            self._open = None
            values = await self.find(batch.keys)
            batch.answer.set_result(dict(zip(batch.keys, values, strict=True)))
        except BaseException as error:  # cancelled, too: who has joined must not wait for ever
            self._open = None
            for key in batch.keys:
                del self._batches[key]
            if not isinstance(error, Exception):
                batch.answer.cancel()
                raise
            batch.answer.set_exception(error)
