"""How long one operation, or one event of a subscription, may run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from django.conf import settings

from chat.database_calls import gathered_calls
from chat.errors import Unavailable


@asynccontextmanager
async def time_limit(*, is_read: bool) -> AsyncIterator[None]:
    """End the block after settings.GRAPHQL_TIME_LIMIT_S, and the statements it waits for in the database.

    A read whose client goes away ends in the same way. A write then runs on, as every other write does.

    Raises:
        Unavailable: the time is over. What a mutation had begun is rolled back.
    """
    with gathered_calls() as calls:
        limit = asyncio.timeout(settings.GRAPHQL_TIME_LIMIT_S)
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            calls.end_soon()
            raise Unavailable(
                f"The operation took more than {settings.GRAPHQL_TIME_LIMIT_S} seconds and was ended."
            ) from None
        except asyncio.CancelledError:
            if is_read:
                calls.end_soon()
            raise
