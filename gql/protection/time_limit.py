"""How long one operation, or one event of a subscription, may run."""

import asyncio
from types import TracebackType

from django.conf import settings

from chat.database_calls import Calls
from chat.errors import Unavailable


class TimeLimit:
    """End the block after settings.GRAPHQL_TIME_LIMIT_S, and the statements it waits for in the database.

    A read whose client goes away ends in the same way. A write then runs on, as every other write does. (A class: every
    operation passes here, and an async generator takes three times as long.)

    Raises:
        Unavailable: the time is over. What a mutation had begun is rolled back.
    """

    __slots__ = ("_calls", "_is_read", "_timeout")

    def __init__(self, *, is_read: bool) -> None:
        self._is_read = is_read
        self._calls = Calls()
        self._timeout = asyncio.timeout(settings.GRAPHQL_TIME_LIMIT_S)

    async def __aenter__(self) -> None:
        self._calls.__enter__()
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._calls.__exit__()
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            self._calls.end_soon()
            raise Unavailable(
                f"The operation took more than {settings.GRAPHQL_TIME_LIMIT_S} seconds and was ended."
            ) from None
        if self._is_read and kind is asyncio.CancelledError:
            self._calls.end_soon()
