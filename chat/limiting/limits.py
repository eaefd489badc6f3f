"""How often a user, and everybody at one network address, may do things: token buckets, shared between processes.

A process decides at once, from its own buckets: no event waits for Redis, or changes its place. What it let through it
adds, a quarter of a burst at a time, to a window in Redis that all processes share. A window without room puts the
bucket in debt: nothing more passes here until Redis has taken what passed already. So who spreads over several
processes gets a burst from each, and after that what one process would give, with at most a burst per `WINDOW_S` on
top. While Redis is away each process counts alone.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from threading import Lock
from typing import Any, Protocol

from django.conf import settings
from limits import RateLimitItemPerSecond

from chat.counters import counters
from chat.errors import RateLimited
from chat.limiting.shared_windows import shared_windows
from chat.limiting.token_bucket import TokenBucket

WINDOW_S = 30
DEBT_RETRY_S = 0.3
ACCOUNTS_MAX = 20_000  # above it, those that are as good as new are forgotten
FORGET_EVERY_S = 10.0
PEOPLE_PER_ADDRESS = 20  # an office behind one address gets as much as so many busy people


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many per second, and a burst after a pause."""

    per_s: float
    burst: int

    @property
    def step(self) -> int:
        """How many pass between two words to Redis."""
        return max(1, self.burst // 4)

    def times(self, factor: int) -> "Allowance":
        return Allowance(self.per_s * factor, self.burst * factor)


@dataclass(frozen=True, slots=True)
class Limit:
    """What is limited, in the words of a refusal, and to how much."""

    what: str
    user: Allowance
    address: Allowance


def _limit(what: str, per_s: float, burst: int, *, address: Allowance | None = None) -> Limit:
    user = Allowance(per_s, burst)
    return Limit(what, user, address or user.times(PEOPLE_PER_ADDRESS))


# 500 people of one office, each with a few rooms, all come back at once after a restart: that must pass.
_RETURNING = Allowance(100, 3000)
LIMITS: Mapping[str, Limit] = {
    "handshakes": _limit("connections", 5, 100, address=_RETURNING),
    "connects": _limit("connections", 5, 100, address=_RETURNING),
    "joins": _limit("rooms to join", 20, 400),
    "messages": _limit("messages", 20, 60),
    "changes": _limit("changes", 20, 60),
    "reads": _limit("marks of what was read", 20, 200),
    "typing": _limit("signs of typing", 10, 40),
    "searches": _limit("searches", 2, 40),  # each may rank a thousand rows
    "signups": _limit("new accounts", 1, 10, address=Allowance(1, 30)),  # each hashes a password
    # Points, see gql.protection.throttle. 100 requests a second, each for a page of rooms with pages of messages.
    "graphql": _limit("GraphQL requests", 100_000, 500_000),
    "graphql_anonymous": _limit("GraphQL requests", 20_000, 100_000, address=Allowance(20_000, 100_000)),
}


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left of an allowance just now."""

    left: int
    allowance: Allowance


class Windows(Protocol):
    """What processes share. See `chat.limiting.shared_windows.SharedWindows`."""

    def add(
        self, window: RateLimitItemPerSecond, key: tuple[str, str], count: int, done: Callable[[bool], None]
    ) -> None: ...


class _Account:
    """One user or address under one limit: its bucket, and what Redis has not been told of."""

    __slots__ = (
        "_allowance",
        "_bucket",
        "_debt_until",
        "_is_telling",
        "_key",
        "_spent_at",
        "_untold",
        "_window",
    )

    def __init__(self, name: str, allowance: Allowance, key: tuple[str, str]) -> None:
        amount = math.ceil(allowance.burst + allowance.per_s * WINDOW_S)
        self._window = RateLimitItemPerSecond(amount, WINDOW_S, namespace=name)
        self._allowance = allowance
        self._bucket = TokenBucket(allowance.per_s, allowance.burst)
        self._key = key
        self._untold = 0
        self._spent_at = 0.0
        self._debt_until: float | None = None
        self._is_telling = False

    def wait_s(self, now: float, cost: int) -> float:
        if self._debt_until is None:
            return self._bucket.wait_s(now, cost)
        return max(DEBT_RETRY_S, self._debt_until - now)

    def spend(self, now: float, cost: int) -> None:
        self._bucket.take(now, cost)
        if now - self._spent_at > WINDOW_S:  # by now it would have left the window
            self._untold = 0
        self._spent_at = now
        self._untold += cost

    def give_back(self, amount: int) -> None:
        self._bucket.give_back(amount)
        self._untold -= amount  # below 0 where Redis has been told already: the next are told so much later

    def balance(self, now: float) -> "Balance":
        left = 0.0 if self._debt_until is not None else self._bucket.left(now)
        return Balance(int(left), self._allowance)

    def to_tell(self, now: float) -> int:
        """How many to tell Redis of now, 0 for none: `told` must follow otherwise."""
        is_due = self._untold >= self._allowance.step if self._debt_until is None else now >= self._debt_until
        if not is_due or self._is_telling:
            return 0
        if self._untold <= 0:  # all of it was given back
            self._debt_until = None
            return 0
        self._is_telling = True
        return self._untold

    def told(self, now: float, count: int, had_room: bool) -> None:
        self._is_telling = False
        if had_room:
            self._untold -= count
            self._debt_until = None
        else:
            self._debt_until = now + count / self._allowance.per_s

    def tell(self, windows: Windows, count: int, done: Callable[[bool], None]) -> None:
        windows.add(self._window, self._key, count, done)

    def is_idle(self, now: float) -> bool:
        return self._debt_until is None and not self._is_telling and self._bucket.is_full(now)


class Limiter:
    """The buckets of a process. Safe to call from any thread."""

    def __init__(
        self, make_windows: Callable[[], Windows], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._make_windows = make_windows
        self._windows: Windows | None = None
        self._clock = clock
        self._lock = Lock()
        self._accounts: dict[tuple[str, str, str], _Account] = {}
        self._forget_at = 0.0

    def check(
        self, name: str, *, user_id: int | None = None, address: str | None = None, cost: int = 1
    ) -> None:
        """Count `cost` of the limit `name` for the user and the address, whichever is given.

        Raises:
            RateLimited: one of them has had enough; nothing is counted.
        """
        self._spend(name, user_id, address, cost)

    def spend(self, name: str, cost: int, *, user_id: int | None, address: str | None) -> Balance | None:
        """As `check`; returns what is left after it, as `give_back` does."""
        accounts, now = self._spend(name, user_id, address, cost)
        balances = [account.balance(now) for account in accounts]
        return min(balances, key=lambda one: one.left, default=None)

    def _spend(
        self, name: str, user_id: int | None, address: str | None, cost: int
    ) -> tuple[list[_Account], float]:
        now = self._clock()
        with self._lock:
            accounts = self._accounts_of(now, name, user_id, address)
            wait_s = max((account.wait_s(now, cost) for account in accounts), default=0.0)
            if wait_s <= 0:
                for account in accounts:
                    account.spend(now, cost)
            due = [(account, count) for account in accounts if (count := account.to_tell(now))]
        for account, count in due:
            self._tell(account, count)
        if wait_s > 0:
            counters.count_rate_limited()
            retry_after_s = math.ceil(wait_s * 10) / 10
            raise RateLimited(
                f"Too many {LIMITS[name].what} at once. Wait a moment.", retry_after_s=retry_after_s
            )
        return accounts, now

    def give_back(
        self, name: str, amount: int, *, user_id: int | None, address: str | None
    ) -> Balance | None:
        """Take back so much of what `check` counted: it turned out not to be needed.

        Returns the balance of the user or the address, whichever has less; None if neither is given.
        """
        now = self._clock()
        with self._lock:
            accounts = self._accounts_of(now, name, user_id, address)
            for account in accounts:
                account.give_back(amount)
            return min((account.balance(now) for account in accounts), key=lambda one: one.left, default=None)

    def _accounts_of(self, now: float, name: str, user_id: int | None, address: str | None) -> list[_Account]:
        limit = LIMITS[name]
        accounts: list[_Account] = []
        if user_id is not None:
            accounts.append(self._account(now, name, "user", str(user_id), limit.user))
        if address is not None:
            accounts.append(self._account(now, name, "address", address, limit.address))
        return accounts

    def _account(self, now: float, name: str, kind: str, key: str, allowance: Allowance) -> _Account:
        account = self._accounts.get((name, kind, key))
        if account is None:
            if len(self._accounts) >= ACCOUNTS_MAX and now >= self._forget_at:
                self._forget_at = now + FORGET_EVERY_S
                self._accounts = {k: a for k, a in self._accounts.items() if not a.is_idle(now)}
            account = self._accounts[name, kind, key] = _Account(name, allowance, (kind, key))
        return account

    def _tell(self, account: _Account, count: int) -> None:
        if self._windows is None:
            self._windows = self._make_windows()

        def done(had_room: bool) -> None:
            with self._lock:
                account.told(self._clock(), count, had_room)

        account.tell(self._windows, count, done)


_limiter = Limiter(shared_windows)


def check(name: str, *, user_id: int | None = None, address: str | None = None, cost: int = 1) -> None:
    """Count `cost` of the limit `name`, unless settings.RATE_LIMITS is off. See `Limiter.check`.

    Raises:
        RateLimited: the user or the address has had enough; nothing is counted.
    """
    if settings.RATE_LIMITS:
        _limiter.check(name, user_id=user_id, address=address, cost=cost)


def spend(name: str, cost: int, *, user_id: int | None, address: str | None) -> Balance | None:
    """As `check`; returns what is left after it, None if settings.RATE_LIMITS is off. See `Limiter.spend`.

    Raises:
        RateLimited: the user or the address has had enough; nothing is counted.
    """
    if not settings.RATE_LIMITS:
        return None
    return _limiter.spend(name, cost, user_id=user_id, address=address)


def give_back(name: str, amount: int, *, user_id: int | None, address: str | None) -> Balance | None:
    """Take back so much of what was counted; gives what is left. None if settings.RATE_LIMITS is off.

    See `Limiter.give_back`.
    """
    if not settings.RATE_LIMITS:
        return None
    return _limiter.give_back(name, amount, user_id=user_id, address=address)


def client_address(scope: Mapping[str, Any]) -> str | None:
    """Whom an ASGI scope's client counts as, or None where the connection has no address (a unix socket).

    The server has put the address there that a trusted proxy names (settings.TRUSTED_PROXIES).
    """
    client = scope.get("client")
    return network_of(client[0]) if client else None


@lru_cache(maxsize=10_000)
def network_of(host: str) -> str | None:
    """An IPv4 address as it is; the /64 of an IPv6 address, all of which one client has; None for no address."""
    if not host:
        return None
    try:
        address = ip_address(host)
    except ValueError:  # such as the name of a test's client
        return host
    if not isinstance(address, IPv6Address):
        return host
    return str(address.ipv4_mapped or ip_network((address.packed[:8] + bytes(8), 64)))
