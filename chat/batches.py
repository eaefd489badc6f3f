"""Questions that are asked at the same time get their answers from the same queries.

After a restart everybody comes back at once: a query of its own for each would cost a dozen times as much.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError
from redis.exceptions import RedisError

BATCH_MAX = 64
REST_MAX_S = 0.01
_AWAY = (InterfaceError, OperationalError, OSError, RedisError)  # it is no question's fault
Q = TypeVar("Q")
A = TypeVar("A")


class Batches(Generic[Q, A]):
    """The questions of one event loop; `answer` gives the answers in their order.

    The first question is asked at once, and those that come meanwhile are the next batch. Where they go on coming, a
    batch is followed by a rest as long as it took: fewer and larger ones do the same for less.
    """

    def __init__(self, answer: Callable[[Sequence[Q]], Awaitable[Sequence[A]]]) -> None:
        self._answer = answer
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        """The answer.

        Raises:
            whatever `answer` raises for it. When the database or Redis is away, all of the batch hear it.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[A] = loop.create_future()
        self._waiting.append((question, future))
        if self._task is None:
            self._task = loop.create_task(self._answer_all())
        return await future

    async def _answer_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                begun_at = loop.time()
                batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
                await self._answer_batch(batch)
                if 0 < len(self._waiting) < BATCH_MAX:
                    await asyncio.sleep(min(loop.time() - begun_at, REST_MAX_S))
        finally:
            self._task = None

    async def _answer_batch(self, batch: "Sequence[tuple[Q, asyncio.Future[A]]]") -> None:
        try:
            answers = await self._answer([question for question, _ in batch])
        except Exception as error:  # whatever it is, whoever asked has to hear it
            if len(batch) > 1 and not isinstance(error, _AWAY):
                for one in batch:  # nobody inherits the error of a neighbour's question
                    await self._answer_batch([one])
                return
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(batch, answers, strict=True):
            if not future.done():  # whoever asked may have gone
                future.set_result(answer)
