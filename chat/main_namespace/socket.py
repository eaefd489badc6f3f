"""A signed-in client in the namespace `/`: its caller, its rooms, and where it is typing."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from redis.exceptions import RedisError

from chat.access.authentication import Caller
from chat.access.sweeps import current_sweeper
from chat.background import Tasks
from chat.database import run_in_db
from chat.errors import Conflict, DomainError, Unauthenticated
from chat.events import Typing, publish
from chat.live.offsets import format_offset
from chat.live.presence import ANYWHERE, current_presence
from chat.live.room_feed import RoomFeed
from chat.live.room_updates import current_room_updates
from chat.main_namespace.recovery import Record, current_keeper
from chat.models import User
from chat.sockets.namespaces import Carrier, Socket, Wire

log = logging.getLogger(__name__)
TYPING_LASTS_S = 6.0
# Of a connection: a client that can be recovered is told its place in each of them with every message.
ROOMS_MAX = 300
_TASKS = Tasks()
SESSION_ENDED = "Your access has ended. Sign in again."


class ChatSocket(Socket):
    """A signed-in client: its caller, its rooms, and where it is typing.

    `record` is what it can be recovered from, None for a client that cannot or will not be.
    """

    def __init__(self, connection: Carrier, caller: Caller) -> None:
        super().__init__(connection, "/")
        self.caller = caller
        self.record: Record | None = None
        self._feeds: dict[int, RoomFeed] = {}
        self._missed: dict[
            int, tuple[int, int | None]
        ] = {}  # position, and the room's version if it is readable
        self._typing: dict[int, asyncio.TimerHandle] = {}

    @property
    def user(self) -> User:
        return self.caller.user

    @property
    def user_id(self) -> int:
        return self.caller.user.pk

    def greeting(self) -> Wire:
        """Stock clients are recovered if this is the pid that they sent."""
        return super().greeting() | ({"pid": self.record.pid} if self.record is not None else {})

    def emit(self, event: str, *arguments: Any) -> None:
        """Send an event.

        Raises:
            ValueError: the last argument is a string, which stock clients would take for an offset.
        """
        if arguments and isinstance(arguments[-1], str):
            raise ValueError(f"the event {event} must not end in a string")
        super().emit(event, *arguments)

    def room_ids(self) -> Collection[int]:
        """The rooms whose feed this client gets."""
        return self._feeds.keys()

    # ------------------------------------------------------------------------------------------- recovery

    @property
    def recoverable(self) -> bool:
        """Whether the client is to be told how far it got."""
        return self.record is not None

    def positions(self) -> str:
        """How far the client got in each of its rooms."""
        feeds = self._feeds.items()
        return format_offset({room_id: feed.position for room_id, feed in feeds if feed.has_begun})

    async def recover(self, record: Record, positions: Mapping[int, int]) -> None:
        """Take over the rooms of a connection that was cut off, if its record is still there. `resume` does the rest.

        Raises:
            Unavailable: the channel layer cannot be reached.
        """
        # As for a join, the feeds collect before the database is read.
        for room_id in positions:
            await self.open_feed(room_id)
        versions = await run_in_db(record.take_over, self.user, positions)
        for room_id in positions:
            if versions is None or room_id not in versions:
                await self.close_feed(room_id)
        if versions is not None:
            self.record = record
            self._missed = {room_id: (positions[room_id], versions.get(room_id)) for room_id in positions}

    def resume(self) -> None:
        """Send what was missed, now that the client knows that it is connected again."""
        for room_id, (position, version) in self._missed.items():
            feed = self._feeds.get(room_id)
            if feed is None or version is None:
                self.emit("room-lost", {"roomId": str(room_id)})
            else:
                current_presence().enter(room_id, self.user_id, self.sid)
                feed.replay(position, version)
        self._missed.clear()

    # ---------------------------------------------------------------------------------------------- rooms

    async def open_feed(self, room_id: int) -> RoomFeed:
        """A new feed of the room, in place of one that there may be. It collects, but sends nothing yet."""
        if (earlier := self._feeds.pop(room_id, None)) is not None:
            await earlier.close()
        if len(self._feeds) >= ROOMS_MAX:
            raise Conflict(f"A connection has at most {ROOMS_MAX} rooms. Leave some first.")
        feed = self._feeds[room_id] = RoomFeed(self, room_id)
        try:
            await feed.open()
        except DomainError:
            await self.close_feed(room_id)
            raise
        return feed

    async def close_feed(self, room_id: int) -> None:
        """End the feed of the room; no matter if there is none."""
        feed = self._feeds.pop(room_id, None)
        if feed is None:
            return
        await feed.close()
        current_presence().leave(room_id, self.user_id, self.sid)
        await self.set_typing(room_id, False)

    def lose_room(self, room_id: int) -> None:
        """The user may not read the room any more: its feed ends at once, and the client is told."""
        if (feed := self._feeds.get(room_id)) is not None:
            feed.stop()
        self.emit("room-lost", {"roomId": str(room_id)})
        _TASKS.begin(self.close_feed(room_id), "the end of a feed")

    def end_access(self) -> None:
        """The proof of who this is does not hold any more."""
        self.emit("session-ended", Unauthenticated(SESSION_ENDED).as_dict())
        self.kick("access ended")

    def update_user(self, user: User) -> None:
        """The account as it is now: a new name shows in new messages."""
        self.caller = replace(self.caller, user=user)

    async def leave_all(self) -> None:
        """The client has gone."""
        current_sweeper().discard(self)
        current_room_updates().discard(self)
        if self.record is not None:
            current_keeper().discard(self.record.pid)
        current_presence().leave(ANYWHERE, self.user_id, self.sid)
        for room_id in list(self._feeds):
            try:
                await self.close_feed(room_id)
            except Exception:  # the other rooms have to be left all the same
                log.exception("room %d could not be left", room_id)

    # --------------------------------------------------------------------------------------------- typing

    async def set_typing(self, room_id: int, typing: bool) -> None:
        """Announce that the user began or stopped typing, if that is new. Beginning expires by itself."""
        timer = self._typing.pop(room_id, None)
        if timer is not None:
            timer.cancel()
        if typing:
            loop = asyncio.get_running_loop()
            self._typing[room_id] = loop.call_later(TYPING_LASTS_S, self._typing_expired, room_id)
        if typing != (timer is not None):
            try:
                await publish(Typing(room_id, self.user_id, typing))
            except (OSError, RedisError):
                pass  # a hint that can be lost

    def _typing_expired(self, room_id: int) -> None:
        _TASKS.begin(self.set_typing(room_id, False), "the end of typing")
