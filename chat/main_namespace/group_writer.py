"""Group commit: posts that arrive while earlier transactions are in flight are written together by the next one."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from django.db import InterfaceError, OperationalError

from chat import actions
from chat.actions import Post, Posted
from chat.actions.messages import POST_MESSAGES, post_columns, tell_posted
from chat.background import Tasks
from chat.database import run_in_db
from chat.errors import Unavailable
from chat.events import Wire
from chat.loop_database import current_loop_database
from chat.per_loop import PerLoop

log = logging.getLogger(__name__)
Waiting = tuple[Post, "asyncio.Future[Wire]"]
PATIENCE_S = 0.005  # a batch takes one to three milliseconds, unless another process holds one of its rooms
BUSY = "The server has too much to do at the moment. Try again shortly."


# Stores posts in one transaction.
Write = Callable[[Sequence[Post]], Awaitable[Sequence[Posted]]]


class GroupWriter:
    """`writer.submit(post)` gives a future of the wire form of the stored message.

    A free writer takes all that waits, except rooms which another one is writing to: a room is in one transaction at a
    time, so nobody here waits for its lock and its messages keep the order in which they came. A post that finds all
    writers free is written at once. While one writes, another begins only when half a batch waits, or after
    `patience_s`: two writers that share out what comes halve the batches, and a batch costs the database as much again
    as its posts. A caller that is cancelled loses only its answer.
    """

    def __init__(
        self,
        write: Write,
        *,
        writers: int = 2,
        max_batch: int = 64,
        max_waiting: int = 5000,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._write = write
        self._free = writers
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._patience_s = patience_s
        self._patient_until = 0.0
        self._patience: asyncio.TimerHandle | None = None
        self._waiting: deque[Waiting] = deque()
        self._held: set[int] = set()
        self._tasks = Tasks()
        self._scheduled = False

    def submit(self, post: Post) -> "asyncio.Future[Wire]":
        """Queue a post. The future raises the DomainError of a post that is refused.

        Raises:
            Unavailable: too many posts wait.
        """
        if len(self._waiting) >= self._max_waiting:
            raise Unavailable(BUSY, retry_after_s=1)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Wire] = loop.create_future()
        self._waiting.append((post, future))
        if self._free and not self._scheduled:  # at the end of this tick, with what came by the same read
            self._scheduled = True
            loop.call_soon(self._start)
        return future

    def _start(self) -> None:
        self._scheduled = False
        while self._free and self._waiting and not self._is_patient():
            batch = self._take_batch()
            if not batch:
                return
            self._patient_until = asyncio.get_running_loop().time() + self._patience_s
            rooms = {post.room_id for post, _ in batch}
            self._free -= 1
            self._held |= rooms
            self._tasks.begin(self._run(batch, rooms), "the writing of posts")

    def _is_patient(self) -> bool:
        """Whether what waits should go on waiting for the writer that is at it. If so, this is looked at again."""
        loop = asyncio.get_running_loop()
        if not self._held or len(self._waiting) * 2 >= self._max_batch or loop.time() >= self._patient_until:
            return False
        if self._patience is None:
            self._patience = loop.call_at(self._patient_until, self._lose_patience)
        return True

    def _lose_patience(self) -> None:
        self._patience = None
        self._start()

    def _take_batch(self) -> list[Waiting]:
        batch: list[Waiting] = []
        kept: deque[Waiting] = deque()
        for item in self._waiting:
            free = item[0].room_id not in self._held and len(batch) < self._max_batch
            (batch if free else kept).append(item)
        self._waiting = kept
        return batch

    async def _run(self, batch: list[Waiting], rooms: set[int]) -> None:
        try:
            await self._store(batch)
        finally:
            self._free += 1
            self._held -= rooms
            self._start()

    async def _store(self, batch: list[Waiting]) -> None:
        posts = [post for post, _ in batch]
        try:
            results = await self._write_twice(posts)
        except (OperationalError, InterfaceError):
            log.exception("the database did not take %d posts", len(batch))
            _fail(batch, Unavailable("The message could not be stored. Try again shortly.", retry_after_s=1))
        except Exception as error:  # one post that the database cannot take must not cost its neighbours
            if len(batch) == 1:
                _fail(batch, error)
                return
            for one in batch:
                await self._store([one])
        else:
            for (_, future), posted in zip(batch, results, strict=True):
                _answer(future, posted)

    async def _write_twice(self, posts: Sequence[Post]) -> Sequence[Posted]:
        """Once more after a lost connection: the server had closed the one that was kept. Client ids make it safe."""
        try:
            return await self._write(posts)
        except (OperationalError, InterfaceError):
            return await self._write(posts)


def _answer(future: "asyncio.Future[Wire]", posted: Posted) -> None:
    if future.done():
        return
    if posted.error is not None:
        future.set_exception(posted.error)
    else:
        assert posted.payload is not None
        future.set_result(posted.payload)


def _fail(batch: list[Waiting], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)


async def _write_to_database(posts: Sequence[Post]) -> Sequence[Posted]:
    if any(post.attachment_ids for post in posts):
        return await run_in_db(actions.post_messages, posts)
    rows = await current_loop_database().fetch(POST_MESSAGES, *post_columns(posts))
    if all(status == "new" for _, status, *_ in rows):
        return tell_posted(posts, rows)
    return await run_in_db(tell_posted, posts, rows)


_current_writer = PerLoop(lambda: GroupWriter(_write_to_database))


def submit_post(post: Post) -> "asyncio.Future[Wire]":
    """Post a message through the running event loop's writer. See `GroupWriter.submit`."""
    return _current_writer().submit(post)
