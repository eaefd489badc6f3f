"""The line of a web process to the others: Redis publish and subscribe, one channel per process.

A message arrives at most once, and those of one process to another arrive in their order. Redis says at once when
nobody listens at an address, which is how a process that died is missed.
"""

import asyncio
import logging
from collections import deque
from typing import Protocol

from django.conf import settings
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from chat.cancellation import is_cancelled

log = logging.getLogger(__name__)
FIRST_TRY_S = 2.0
RECONNECT_S = 0.5
REDIS_TIMEOUT_S = 5.0
SILENCE_S = 15.0  # the receiver sends to its own address every second
BATCH_MAX_BYTES = 1_000_000
WAITING_MAX_BYTES = 64_000_000
_DOWN = (OSError, RedisError, TimeoutError)


class Receiver(Protocol):
    """Who has a line. Nothing of this may block or raise."""

    def taken(self, data: bytes) -> None:
        """A message arrived."""

    def gone(self, address: str) -> None:
        """A message was sent to this address, and nobody listens there."""

    def broken(self) -> None:
        """Messages may have been lost, in either direction."""


class Line:
    """The line of the running event loop. It tries for ever to be up.

    Attributes:
        is_up: the subscription is in force.
    """

    def __init__(self, address: str, receiver: Receiver) -> None:
        self.is_up = False
        self._address = address
        self._receiver = receiver
        self._tried = asyncio.Event()
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._waiting_bytes = 0
        self._has_waiting = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Begin, if that was not done. On return the line is up, or the first try to bring it up has not succeeded."""
        if not self._tasks:
            loop = asyncio.get_running_loop()
            self._tasks = [loop.create_task(self._listen()), loop.create_task(self._write())]
        if not self._tried.is_set():
            try:
                async with asyncio.timeout(FIRST_TRY_S):
                    await self._tried.wait()
            except TimeoutError:
                pass  # Redis does not answer: those who come next need not wait for it
            self._tried.set()

    @property
    def is_congested(self) -> bool:
        """Whether more waits to be sent than should."""
        return self._waiting_bytes > WAITING_MAX_BYTES

    def send(self, address: str, data: bytes) -> None:
        """Send, or drop it if the line is down."""
        if self.is_up:
            self._waiting.append((address, data))
            self._waiting_bytes += len(data)
            self._has_waiting.set()

    # --------------------------------------------------------------------------------------------- receiving

    async def _listen(self) -> None:
        redis = _connect(name=_channel(self._address))
        try:
            while not is_cancelled():
                try:
                    await self._receive(redis)
                except _DOWN as error:
                    self._fail(error)
                except (
                    Exception
                ) as error:  # nobody would hear of the other processes again if this loop ended
                    log.exception("what came from another web process could not be used")
                    self._fail(error)
                self._tried.set()
                await asyncio.sleep(RECONNECT_S)
        finally:
            self._fail(None)
            await redis.aclose()

    async def _receive(self, redis: Redis) -> None:
        subscription = redis.pubsub()
        try:
            await subscription.subscribe(_channel(self._address))
            while not is_cancelled():
                message = await subscription.get_message(timeout=SILENCE_S)
                if message is None:
                    raise TimeoutError("nothing arrives any more")
                if message["type"] == "subscribe":
                    self.is_up = True
                    self._tried.set()
                elif message["type"] == "message":
                    self._receiver.taken(message["data"])
        finally:
            await subscription.aclose()  # type: ignore[no-untyped-call]  # the package's own omission

    def _fail(self, error: Exception | None) -> None:
        if self.is_up and error is not None:
            log.warning("the line to the other web processes broke: %s", error)
        self.is_up = False
        self._waiting.clear()
        self._waiting_bytes = 0
        self._receiver.broken()

    # ----------------------------------------------------------------------------------------------- sending

    async def _write(self) -> None:
        redis = _connect()
        try:
            while not is_cancelled():
                await self._has_waiting.wait()
                try:
                    await self._write_batch(redis)
                except _DOWN as error:  # what was sent of the batch is unknown
                    log.warning("the other web processes cannot be reached: %s", error)
                    self._receiver.broken()
                except Exception:  # they would hear nothing from here again if this loop ended
                    log.exception("what is for other web processes could not be sent")
                    self._receiver.broken()
                    await asyncio.sleep(RECONNECT_S)
        finally:
            await redis.aclose()

    async def _write_batch(self, redis: Redis) -> None:
        batch = self._take_batch()
        listeners = await _publish(redis, batch)
        for address in {address for (address, _), n in zip(batch, listeners, strict=True) if n == 0}:
            self._receiver.gone(address)

    def _take_batch(self) -> list[tuple[str, bytes]]:
        batch: list[tuple[str, bytes]] = []
        size_bytes = 0
        while self._waiting and size_bytes < BATCH_MAX_BYTES:
            batch.append(self._waiting.popleft())
            size_bytes += len(batch[-1][1])
        self._waiting_bytes -= size_bytes
        if not self._waiting:
            self._has_waiting.clear()
        return batch


async def _publish(redis: Redis, batch: list[tuple[str, bytes]]) -> list[int]:
    """How many listened to each."""
    async with redis.pipeline(transaction=False) as pipeline:
        for address, data in batch:
            pipeline.publish(_channel(address), data)
        listeners: list[int] = await pipeline.execute()
        return listeners


def _channel(address: str) -> str:
    return f"{settings.CHANNEL_PREFIX}.web.{address}"


def _connect(name: str | None = None) -> Redis:
    """A client that does not try again by itself: a message must not arrive twice. Redis lists it by its name."""
    redis: Redis = Redis.from_url(
        settings.REDIS_URL,
        client_name=name,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    return redis
