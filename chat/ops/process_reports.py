"""Every web process tells the others its figures through Redis, while somebody anywhere looks at them.

A report expires after a few seconds, so a process that died disappears by itself. While nobody looks, a process asks
Redis every two seconds whether somebody does, and reads nothing else.
"""

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Callable
from typing import Any

import orjson
from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

from chat.cancellation import is_cancelled
from chat.ops.figures import STARTED_AT, Figure, all_figures, read_figures, register_figure
from chat.per_loop import PerLoop

log = logging.getLogger(__name__)
INTERVAL_S = 2.0
EXPIRES_S = 5.0
LAG_TICKS = 8  # how often in an interval the event loop is asked how late it is
REDIS_TIMEOUT_S = 1.5
Report = dict[str, Any]
Listener = Callable[[list[Report]], None]

# KEYS: processes by expiry, their reports. ARGV: process, its report, seconds to live. Gives all reports alive.
_EXCHANGE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('ZREM', KEYS[1], gone)
  redis.call('HDEL', KEYS[2], gone)
end
redis.call('EXPIRE', KEYS[1], 60)
redis.call('EXPIRE', KEYS[2], 60)
return redis.call('HVALS', KEYS[2])
"""


class Reporter:
    """The reports of one process (event loop). Get it with `current_reporter()`; it works once it is started.

    Attributes:
        lag_s: how late the event loop was at worst in the last interval.
    """

    def __init__(self) -> None:
        self.id = secrets.token_hex(4)
        self.lag_s = 0.0
        self._redis: Redis = Redis.from_url(settings.REDIS_URL, socket_timeout=REDIS_TIMEOUT_S)
        self._exchange = self._redis.register_script(_EXCHANGE)
        self._task: asyncio.Task[None] | None = None
        self._listeners: set[Listener] = set()
        self._counted: tuple[float, dict[str, float]] | None = None  # when, and what, as the interval began
        self._rates: dict[str, float] = {}

    def start(self) -> None:
        """Report from now on, whenever somebody looks; no matter if it does already."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def add_listener(self, listener: Listener) -> None:
        """Call it with the reports of all processes every two seconds. The one of this process comes first."""
        self._listeners.add(listener)
        self.start()

    def discard_listener(self, listener: Listener) -> None:
        """Call it no more."""
        self._listeners.discard(listener)

    async def look(self) -> list[Report]:
        """The reports of all processes now; only the one of this process when nobody has looked for a while."""
        self.start()
        return await self._share(self._own_report(), watching=True)

    async def ping(self) -> None:
        """Ask Redis for a sign of life.

        Raises:
            RedisError, OSError: it gives none.
        """
        await self._redis.ping()

    # -------------------------------------------------------------------------------------------- the task

    async def _run(self) -> None:
        try:
            while not is_cancelled():
                await self._measure_lag()  # takes an interval
                try:
                    await self._report()
                except (
                    Exception
                ):  # such as the report of another version: whoever watches would see nothing again
                    log.exception("the figures could not be reported; the next interval tries again")
        finally:
            await self._redis.aclose()

    async def _report(self) -> None:
        watching = bool(self._listeners)
        if not watching and not await self._is_watched_elsewhere():
            self._counted = None
            return
        self._begin_interval()
        reports = await self._share(self._own_report(), watching=watching)
        for listener in list(self._listeners):
            listener(reports)

    async def _measure_lag(self) -> None:
        loop, tick_s, worst_s = asyncio.get_running_loop(), INTERVAL_S / LAG_TICKS, 0.0
        for _ in range(LAG_TICKS):
            due = loop.time() + tick_s
            await asyncio.sleep(tick_s)
            worst_s = max(worst_s, loop.time() - due)
        self.lag_s = worst_s

    def _begin_interval(self) -> None:
        """Find how fast the counters grew in the last one."""
        now, numbers = time.monotonic(), read_figures()
        since, before = self._counted or (now, numbers)
        for figure in all_figures():
            if figure.kind == "counter":
                grown = numbers[figure.name] - before.get(figure.name, 0)
                self._rates[figure.name] = round(grown / (now - since), 2) if now > since else 0.0
        self._counted = (now, numbers)

    def _own_report(self) -> Report:
        """Counters come with their rate in the last interval, `...PerS`."""
        if self._counted is None:
            self._begin_interval()
        numbers = read_figures()
        report: Report = {
            "id": self.id,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "uptimeS": round(time.time() - STARTED_AT),
        }
        for figure in all_figures():
            report[figure.wire_name] = numbers[figure.name]
            if figure.kind == "counter":
                report[figure.wire_name + "PerS"] = self._rates[figure.name]
        return report

    # ---------------------------------------------------------------------------------------------- Redis

    async def _is_watched_elsewhere(self) -> bool:
        try:
            return bool(await self._redis.exists(self._key("watched")))
        except (OSError, RedisError):
            return False  # who watches would not hear of this process either

    async def _share(self, own: Report, *, watching: bool) -> list[Report]:
        """Those of this process alone if Redis cannot be reached."""
        try:
            if watching:
                await self._redis.set(self._key("watched"), 1, px=int(EXPIRES_S * 1000))
            answers = await self._exchange(
                keys=[self._key("alive"), self._key("reports")], args=[self.id, orjson.dumps(own), EXPIRES_S]
            )
        except (OSError, RedisError) as error:
            log.debug("the reports of other processes cannot be read: %s", error)
            return [own]
        others = [report for answer in answers if (report := _parse(answer)) and report["id"] != self.id]
        return [own, *sorted(others, key=lambda report: (report["host"], report["pid"]))]

    def _key(self, name: str) -> str:
        # The braces keep the keys on one node of a Redis cluster.
        return f"{settings.CHANNEL_PREFIX}:{{ops}}:{name}"


def _parse(answer: bytes) -> Report | None:
    """A report; None for one of a version that wrote them otherwise."""
    try:
        report = orjson.loads(answer)
    except ValueError:
        return None
    if not isinstance(report, dict) or not isinstance(report.get("pid"), int):
        return None
    return report if isinstance(report.get("host"), str) and "id" in report else None


current_reporter = PerLoop(Reporter)
register_figure(
    Figure(
        "loop_lag_seconds",
        "How late the event loop was at worst in the last two seconds.",
        "gauge",
        lambda: round(current_reporter().lag_s, 4),
        total=max,
    )
)


def add_up(reports: list[Report]) -> Report:
    """The figures of several processes as one: `{processes, <figure>, ...}`."""
    totals: Report = {"processes": len(reports)}
    for figure in all_figures():
        names = [figure.wire_name] + ([figure.wire_name + "PerS"] if figure.kind == "counter" else [])
        for name in names:
            totals[name] = round(figure.total(report.get(name, 0) for report in reports), 4)
    return totals
