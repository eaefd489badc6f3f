"""The figures of all processes together with what they share, told every two seconds to whoever watches."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from django.db import Error as DatabaseError
from django.db import connection
from redis.exceptions import RedisError

from chat.background import Tasks
from chat.database import run_in_db
from chat.live.presence import current_presence
from chat.ops.figures import read_shared_figures
from chat.ops.process_reports import INTERVAL_S, Report, add_up, current_reporter
from chat.per_loop import PerLoop

log = logging.getLogger(__name__)
ANSWER_TIMEOUT_S = 1.5
Figures = dict[str, Any]
Watcher = Callable[[Figures], None]


class Answer(NamedTuple):
    """`value` is None, too, where no answer came in time."""

    came: bool
    value: Any
    took_ms: float


class Question:
    """Asked again and again, but not while an earlier answer is awaited: what hangs is asked once, not piled up."""

    def __init__(self, ask: Callable[[], Awaitable[Any]]) -> None:
        self._ask = ask
        self._task: asyncio.Task[Answer] | None = None

    async def answer(self) -> Answer:
        """The answer, or that there is none yet."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._take_time())
        done, _ = await asyncio.wait([self._task], timeout=ANSWER_TIMEOUT_S)
        return self._task.result() if done else Answer(False, None, ANSWER_TIMEOUT_S * 1000)

    async def _take_time(self) -> Answer:
        begun = time.perf_counter()
        try:
            came, value = True, await self._ask()
        except (DatabaseError, RedisError, OSError) as error:
            log.debug("a figure could not be had: %s", error)
            came, value = False, None
        return Answer(came, value, round((time.perf_counter() - begun) * 1000, 1))


class Monitor:
    """Tells those who watch on this process (event loop). Get it with `current_monitor()`."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()
        self._database = Question(lambda: run_in_db(_ping_database))
        self._redis = Question(lambda: current_reporter().ping())
        self._shared = Question(lambda: run_in_db(read_shared_figures))
        self._users = Question(lambda: current_presence().count_everywhere())
        self._tasks = Tasks()

    def add(self, watcher: Watcher) -> None:
        """Call it with the figures from now on, for the first time at once."""
        self._watchers.add(watcher)
        current_reporter().add_listener(self._reported)
        self._tasks.begin(self._greet(watcher), "figures for a new watcher")

    def discard(self, watcher: Watcher) -> None:
        """Call it no more."""
        self._watchers.discard(watcher)
        if not self._watchers:
            current_reporter().discard_listener(self._reported)

    async def figures(self) -> Figures:
        """All figures now; of processes that had nobody to report to until now, only those of this one."""
        return await self._complete(await current_reporter().look())

    # -------------------------------------------------------------------------------------------- telling

    def _reported(self, reports: list[Report]) -> None:
        self._tasks.begin(self._tell(reports), "figures for watchers")

    async def _tell(self, reports: list[Report]) -> None:
        figures = await self._complete(reports)
        for watcher in list(self._watchers):
            watcher(figures)

    async def _greet(self, watcher: Watcher) -> None:
        figures = await self.figures()
        if watcher in self._watchers:
            watcher(figures)

    async def _complete(self, reports: list[Report]) -> Figures:
        database, redis, shared, users = await asyncio.gather(
            self._database.answer(),
            self._redis.answer(),
            self._shared.answer(),
            self._users.answer(),
        )
        total = add_up(reports)
        if users.value is not None:  # somebody with connections to two processes is one user
            total["usersOnline"] = users.value
        return {
            "at": round(time.time(), 1),
            "intervalS": INTERVAL_S,
            "processes": reports,
            "total": total,
            "services": {
                "database": {"up": database.came, "pingMs": database.took_ms if database.came else None},
                "redis": {"up": redis.came, "pingMs": redis.took_ms if redis.came else None},
            },
            "shared": shared.value or {},
        }


def _ping_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select 1")


current_monitor = PerLoop(Monitor)
