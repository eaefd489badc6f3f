"""A server of language models as all processes see it together: how many calls it takes, and when it is left alone.

A circuit breaker after Michael T. Nygard, "Release It!" (2007): after some failures in a row nobody asks for a while,
then one call finds out. The state is in Redis (`endpoint.lua`); while Redis is away, every call is let through.
"""

import asyncio
import hashlib
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from redis.asyncio import Redis
from redis.exceptions import RedisError

from rag.llm.seam import FinalModelError, RetryableModelError

logger = logging.getLogger(__name__)

_SCRIPT = Path(__file__).with_name("endpoint.lua").read_text()
LOOK_AGAIN_S = 0.1
Ending = Literal["worked", "failed", "left"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How an endpoint is treated. `at_once`: calls of all processes together, 0 for any number."""

    at_once: int = 0
    longest_wait_s: float = 15.0
    failures_that_open: int = 5
    first_pause_s: float = 10.0
    longest_pause_s: float = 300.0
    lease_s: float = 60.0


class Endpoint:
    """One server, by its address."""

    def __init__(
        self,
        redis: Redis,
        address: str,
        limits: Limits,
        *,
        prefix: str = "parley",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits
        self._redis = redis
        self._script = redis.register_script(_SCRIPT)
        key = f"{prefix}:llm:{{{hashlib.sha256(address.encode()).hexdigest()[:16]}}}"  # one slot of a cluster
        self._keys = [f"{key}:state", f"{key}:calls"]
        self._clock = clock

    async def enter(self) -> "Place":
        """A place for one call, waited for if all are taken.

        Raises:
            FinalModelError: MODEL_UNAVAILABLE: it is left alone just now. RetryableModelError: MODEL_BUSY: no place
                came free in time.
        """
        call = uuid.uuid4().hex
        give_up_at = self._clock() + self.limits.longest_wait_s
        while True:
            answer, pause_ms = await self._ask("enter", call)
            if answer == "open":
                seconds = max(1, round(pause_ms / 1000))
                raise FinalModelError(
                    "MODEL_UNAVAILABLE",
                    f"The language model failed several times and is left alone for {seconds} seconds.",
                )
            if answer != "busy":
                return Place(self, call)
            if self._clock() >= give_up_at:
                raise RetryableModelError(
                    "MODEL_BUSY",
                    "The language model has as many questions as it takes. Please try again soon.",
                )
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _ask(self, what: str, call: str) -> tuple[str, int]:
        limits = self.limits
        milliseconds = (limits.lease_s, limits.first_pause_s, limits.longest_pause_s)
        lease, first, longest = (round(seconds * 1000) for seconds in milliseconds)
        numbers = [limits.at_once, lease, limits.failures_that_open, first, longest]
        try:
            answer, pause_ms = await self._script(keys=self._keys, args=[what, call, *numbers])
        except (RedisError, OSError) as error:
            logger.warning("calls of language models are not counted while Redis is away: %s", error)
            return "", 0
        return (answer.decode() if isinstance(answer, bytes) else answer), int(pause_ms)


class Place:
    """The right to one call. `leave` it, however the call ends."""

    def __init__(self, endpoint: Endpoint, call: str) -> None:
        self._endpoint = endpoint
        self._call = call
        self._seen_at = time.monotonic()

    async def stay(self) -> None:
        """Say that the call is still under way; cheap to call often."""
        if time.monotonic() - self._seen_at > self._endpoint.limits.lease_s / 3:
            self._seen_at = time.monotonic()
            await self._endpoint._ask("stay", self._call)

    async def leave(self, ending: Ending) -> None:
        """Give the place back, and tell how the endpoint did; "left" says nothing of it."""
        await self._endpoint._ask(ending, self._call)
