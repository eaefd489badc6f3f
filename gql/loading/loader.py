"""A dataloader that is asked for many keys at once."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True, eq=False)
class _Batch(Generic[K, V]):
    """Keys that are asked for together, and their values or why there are none.

    `asking` is there while somebody asks for it, and set when that one has done, failed or been cancelled.
    """

    keys: list[K] = field(default_factory=list)
    found: dict[K, V] | None = None
    error: Exception | None = None
    asking: asyncio.Event | None = None


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
            values = await self._values(batch)
            found = found | values if found else values
        return [None if key is None else found[key] for key in keys]

    def _batch_of(self, key: K) -> _Batch[K, V]:
        batch = self._batches.get(key)
        if batch is None:
            if self._open is None:
                self._open = _Batch()
            batch = self._batches[key] = self._open
            batch.keys.append(key)
        return batch

    async def _values(self, batch: _Batch[K, V]) -> dict[K, V]:
        """The batch's values as soon as they are there; who waits asks for them if who asked was cancelled."""
        while batch.found is None:
            if batch.error is not None:
                raise batch.error
            if batch.asking is None:
                await self._ask(batch)
            else:
                await batch.asking.wait()
        return batch.found

    async def _ask(self, batch: _Batch[K, V]) -> None:
        """Ask for a batch, which whoever came first does for all that come in the same turn."""
        asking = batch.asking = asyncio.Event()
        try:
            await asyncio.sleep(0)
            self._close(batch)
            values = await self.find(batch.keys)
            batch.found = dict(zip(batch.keys, values, strict=True))
        except Exception as error:  # whatever `find` raises is that of everybody who waits
            batch.error = error
            for key in batch.keys:
                del self._batches[key]
        finally:  # cancelled, too: who has joined goes on
            self._close(batch)
            batch.asking = None
            asking.set()

    def _close(self, batch: _Batch[K, V]) -> None:
        if self._open is batch:
            self._open = None
