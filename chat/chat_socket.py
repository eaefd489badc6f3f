"""A signed-in client in the namespace `/`: its caller, its rooms, and where it is typing."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from redis.exceptions import RedisError

from chat.authentication import Caller
from chat.errors import DomainError, Unauthenticated
from chat.events import Typing, publish
from chat.models import User
from chat.namespaces import Connection, Socket
from chat.presence import ANYWHERE, current_presence
from chat.room_feed import RoomFeed
from chat.sweeps import current_sweeper

TYPING_LASTS_S = 6.0
SESSION_ENDED = "Your access has ended. Sign in again."


class ChatSocket(Socket):
    """A signed-in client: its caller, its rooms, and where it is typing."""

    def __init__(self, connection: Connection, caller: Caller) -> None:
        super().__init__(connection, "/")
        self.caller = caller
        self._feeds: dict[int, RoomFeed] = {}
        self._typing: dict[int, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def user(self) -> User:
        return self.caller.user

    @property
    def user_id(self) -> int:
        return self.caller.user.pk

    def room_ids(self) -> Iterable[int]:
        """The rooms whose feed this client gets."""
        return self._feeds.keys()

    # ---------------------------------------------------------------------------------------------- rooms

    async def open_feed(self, room_id: int) -> RoomFeed:
        """A new feed of the room, in place of one that there may be. It collects, but sends nothing yet."""
        if (earlier := self._feeds.pop(room_id, None)) is not None:
            await earlier.close()
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
        await self.set_typing(room_id, False)
        current_presence().leave(room_id, self.user_id, self.sid)
        await feed.close()

    def lose_room(self, room_id: int) -> None:
        """The user may not read the room any more: its feed ends, and the client is told."""
        self.emit("room-lost", {"roomId": str(room_id)})
        self._run(self.close_feed(room_id))

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
        current_presence().leave(ANYWHERE, self.user_id, self.sid)
        for room_id in list(self._feeds):
            await self.close_feed(room_id)

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
        self._run(self.set_typing(room_id, False))

    def _run(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
