"""Access tokens of clients that connect at the same time are checked by the same queries."""

from chat.access.authentication import BAD_TOKEN, Caller, callers_from_tokens_soon
from chat.batches import Batches
from chat.errors import Unauthenticated
from chat.per_loop import PerLoop


class TokenChecks:
    """The checks of one event loop. Get it with `current_token_checks()`."""

    def __init__(self) -> None:
        self._checks: Batches[object, Caller | None] = Batches(callers_from_tokens_soon)

    async def caller(self, token: object) -> Caller:
        """Who the token's bearer is.

        Raises:
            Unauthenticated: it is not a live token of an active user. django.db.Error: the database does not say.
        """
        caller = await self._checks.ask(token)
        if caller is None:
            raise Unauthenticated(BAD_TOKEN)
        return caller


current_token_checks = PerLoop(TokenChecks)
