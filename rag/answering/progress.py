"""Whether the workers that answer should go on: one question to the database for all answers of a process."""

import asyncio
import logging
from collections.abc import Iterable
from weakref import WeakKeyDictionary

from django.db import InterfaceError, OperationalError

from chat.database import run_in_db
from rag.answering.claim import AnswerClaim, Progress
from rag.models import Answer

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.1  # so a stop has closed the request to the model well within 200 ms


Key = tuple[int, int]  # of a claim: the answer's id, the attempt's number


def progress_of(claims: Iterable[Key]) -> dict[Key, Progress]:
    """What the holder of each claim should do next. One small query, since it is asked ten times a second."""
    held = list(claims)
    columns = ("pk", "attempt", "finished_at", "stop_requested_at", "message__deleted_at")
    rows = Answer.objects.filter(pk__in=[answer_id for answer_id, _ in held]).values_list(*columns)
    found = {row[0]: row[1:] for row in rows}
    return {key: _progress(key[1], found.get(key[0])) for key in held}


def _progress(held: int, row: tuple[object, ...] | None) -> Progress:
    if row is None:
        return Progress.LEAVE
    attempt, finished_at, stop_requested_at, deleted_at = row
    if attempt != held or finished_at is not None:
        return Progress.LEAVE
    return Progress.STOP if stop_requested_at or deleted_at else Progress.GO_ON


class ProgressWatch:
    """Looks for all running answers of an event loop together, as long as there are any."""

    def __init__(self) -> None:
        self._waiting: dict[Key, asyncio.Future[Progress]] = {}
        self._task: asyncio.Task[None] | None = None

    async def ended(self, claim: AnswerClaim) -> Progress:
        """Return as soon as the holder of the claim should not go on: STOP or LEAVE."""
        key = claim.answer_id, claim.attempt
        waiting = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look())
        try:
            return await waiting
        finally:
            self._waiting.pop(key, None)

    async def _look(self) -> None:
        while self._waiting:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                progress = await run_in_db(progress_of, tuple(self._waiting))
            except (OperationalError, InterfaceError) as error:
                # The answers go on: whether one may be stored is asked again when it is.
                logger.warning("Whether answers were stopped is not known just now: %s", error)
                continue
            for key, step in progress.items():
                waiting = self._waiting.get(key)
                if waiting is not None and not waiting.done() and step is not Progress.GO_ON:
                    waiting.set_result(step)


_watches: "WeakKeyDictionary[asyncio.AbstractEventLoop, ProgressWatch]" = WeakKeyDictionary()


def progress_watch() -> ProgressWatch:
    """The one of the running event loop."""
    return _watches.setdefault(asyncio.get_running_loop(), ProgressWatch())
