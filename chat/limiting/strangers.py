"""Connections that have not said who they are: how many each network address has, in this process."""

from django.conf import settings

from chat.counters import counters
from chat.errors import RateLimited
from chat.per_loop import PerLoop

STRANGERS_MAX = 1000  # a connection stays one for CONNECT_TIMEOUT_S at most
# In one message, finished or not: a token has under 1 KB, and the offset of a client in 300 rooms under 10 KB.
STRANGER_MAX_BYTES = 16_000


class Strangers:
    """The connections of each address that are in no namespace."""

    def __init__(self) -> None:
        self._by_address: dict[str | None, set[object]] = {}

    def add(self, address: str | None, connection: object) -> None:
        """The connection is in no namespace; no matter if it was in none before."""
        self._by_address.setdefault(address, set()).add(connection)

    def discard(self, address: str | None, connection: object) -> None:
        """The connection is in a namespace, or has gone."""
        connections = self._by_address.get(address)
        if connections is not None:
            connections.discard(connection)
            if not connections:
                del self._by_address[address]

    def count(self, address: str | None) -> int:
        """How many the address has now."""
        return len(self._by_address.get(address, ()))


current_strangers = PerLoop(Strangers)


def check_strangers(address: str | None) -> None:
    """Refuse one more stranger of an address that has too many; those without an address are not counted.

    Raises:
        RateLimited: it has `STRANGERS_MAX`.
    """
    if settings.RATE_LIMITS and address is not None and current_strangers().count(address) >= STRANGERS_MAX:
        counters.count_rate_limited()
        raise RateLimited("Too many connections that do not sign in.", retry_after_s=1)
