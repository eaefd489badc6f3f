"""Access tokens of clients that connect at the same time are checked by the same two queries.

After a restart everybody comes back at once: a check of its own for each would cost a dozen times as much.
"""

import asyncio

from chat.authentication import BAD_TOKEN, Caller, callers_from_tokens
from chat.database import run_in_db
from chat.errors import Unauthenticated
from chat.per_loop import PerLoop

BATCH_MAX_TOKENS = 64
Waiting = tuple[object, "asyncio.Future[Caller | None]"]


class TokenChecks:
    """The checks of one event loop. Get it with `current_token_checks()`. There is no timer: the first one is checked
    at once, and those that come meanwhile are the next batch."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []
        self._task: asyncio.Task[None] | None = None

    async def caller(self, token: object) -> Caller:
        """Who the token's bearer is.

        Raises:
            Unauthenticated: it is not a live token of an active user. django.db.Error: the database does not say.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Caller | None] = loop.create_future()
        self._waiting.append((token, future))
        if self._task is None:
            self._task = loop.create_task(self._check_all())
        caller = await future
        if caller is None:
            raise Unauthenticated(BAD_TOKEN)
        return caller

    async def _check_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH_MAX_TOKENS], self._waiting[BATCH_MAX_TOKENS:]
                await _check(batch)
        finally:
            self._task = None


async def _check(batch: list[Waiting]) -> None:
    try:
        callers = await run_in_db(callers_from_tokens, [token for token, _ in batch])
    except Exception as error:  # whatever it is, each of them has to hear it
        for _, future in batch:
            if not future.done():
                future.set_exception(error)
        return
    for (_, future), caller in zip(batch, callers, strict=True):
        if not future.done():
            future.set_result(caller)


current_token_checks = PerLoop(TokenChecks)
