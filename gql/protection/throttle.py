"""What operations are charged: points of an allowance per user, and per network address, that all processes share.

An operation is charged before it runs with what it may cost, and given back afterwards what it did not. A point is
about 6 us of CPU: loading, checking and sending one object. The allowances are `graphql` of
`chat.limiting.limits.LIMITS` and, by address alone, `graphql_anonymous` for callers who are not signed in.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from chat.errors import RateLimited
from chat.limiting import limits
from gql.context import Context
from gql.protection.estimate import actual_cost
from gql.protection.limits import LIMITS
from gql.protection.selection import Selection

REQUEST_COST = 100  # of every operation: reading it, finding out who calls
EVENT_COST = 2  # of every event of a subscription
MAX_EVENT_WAIT_S = 10.0


class EventCost(NamedTuple):
    """Points of one event: what it might have cost, and what it does."""

    requested: int
    actual: int


class Payer:
    """Who pays: the signed-in user and the address, or the address of a stranger."""

    __slots__ = ("_address", "_limit", "_user_id")

    def __init__(self, context: Context) -> None:
        self._limit = "graphql" if context.caller is not None else "graphql_anonymous"
        self._user_id = context.caller.user.pk if context.caller is not None else None
        self._address = context.address

    def pay(self, cost: int) -> None:
        """Raises RateLimited if there is not so much left; nothing is paid then."""
        limits.check(self._limit, user_id=self._user_id, address=self._address, cost=cost)

    def pay_exactly(self, cost: int) -> limits.Balance | None:
        """As `pay`; returns what is left, None with rate limits off."""
        return limits.spend(self._limit, cost, user_id=self._user_id, address=self._address)

    def get_back(self, amount: int) -> limits.Balance | None:
        return limits.give_back(self._limit, amount, user_id=self._user_id, address=self._address)


class Charge:
    """What one operation, or one event of a subscription, paid. `settle` gives back what it did not use."""

    __slots__ = ("_estimate", "_fixed", "_payer", "_selection")

    def __init__(
        self, payer: Payer, selection: Selection, estimate: int, *, fixed: int = REQUEST_COST
    ) -> None:
        """Pays `fixed`, and what the selection may cost.

        Raises:
            RateLimited: the caller has spent too much.
        """
        self._payer = payer
        self._selection = selection
        self._estimate = estimate
        self._fixed = fixed
        payer.pay(fixed + estimate)

    async def for_event(self) -> "Charge":
        """Charge an event of the subscription. Where too little is left, it waits: the subscriber is slowed.

        Raises:
            RateLimited: it would wait for more than `MAX_EVENT_WAIT_S`, since the caller spends it all elsewhere.
        """
        give_up_at = time.monotonic() + MAX_EVENT_WAIT_S
        while True:
            try:
                return Charge(self._payer, self._selection, self._estimate, fixed=EVENT_COST)
            except RateLimited as refused:
                wait_s = refused.retry_after_s or 0.0
                if time.monotonic() + wait_s > give_up_at:
                    raise
            await asyncio.sleep(wait_s)

    def event_cost(self, data: Mapping[str, Any] | None) -> EventCost:
        """What an event of the subscription with this data costs, whoever is told of it."""
        actual = min(actual_cost(self._selection, data), self._estimate)
        return EventCost(EVENT_COST + self._estimate, EVENT_COST + actual)

    def pay_events(self, actual: int) -> limits.Balance | None:
        """Pay what events of the subscription cost, once that is known: there is nothing to settle.

        Raises:
            RateLimited: there is not so much left; nothing is paid.
        """
        return self._payer.pay_exactly(actual)

    def settle_event(self, cost: EventCost) -> dict[str, Any]:
        """`settle` of what `for_event` gave, where the cost is known."""
        return self._settle_at(cost.actual - EVENT_COST)

    def settle(self, data: Mapping[str, Any] | None) -> dict[str, Any]:
        """Give back what was not used, once the data is there; call it once. The report is for `extensions.cost`.

        Returns `{requested, actual}` in points and, with rate limits on, `remaining` and `restoreRate` (points a
        second) of the allowance that has less left.
        """
        return self._settle_at(min(actual_cost(self._selection, data), self._estimate))

    def settle_in_full(self) -> dict[str, Any]:
        """As `settle`, and nothing is given back: what an operation did before it failed is not in its response."""
        return self._settle_at(self._estimate)

    def _settle_at(self, actual: int) -> dict[str, Any]:
        balance = self._payer.get_back(self._estimate - actual)
        report: dict[str, Any] = {"requested": self._fixed + self._estimate, "actual": self._fixed + actual}
        if balance is not None:
            report |= {"remaining": balance.left, "restoreRate": int(balance.allowance.per_s)}
        return report


def charge_reading(payer: Payer, text: str) -> None:
    """Charge for a document that the server does not know: a point a character, for it is parsed and validated.

    Raises:
        RateLimited.
    """
    payer.pay(min(len(text), LIMITS.characters))
