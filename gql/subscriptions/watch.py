"""GraphQL in `chat.access.sweeps`: sockets and streams end with their caller's access, feeds with that to a room."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TypeVar

from chat.access.authentication import Caller
from chat.access.sweeps import Swept, WithoutRooms, current_sweeper
from chat.errors import NotFound
from chat.live.subscription import Subscription
from chat.models import User
from chat.selectors import NO_ROOM

S = TypeVar("S", bound=Swept)


class WatchedCaller(WithoutRooms):
    """Who is behind a live connection; `caller.user` is kept as the account is now. Its feeds of rooms are watched one
    by one."""

    def __init__(self, caller: Caller, lost: Callable[[], None]) -> None:
        self.caller = caller
        self.end_access = lost

    @property
    def user_id(self) -> int:
        return self.caller.user.pk

    def update_user(self, user: User) -> None:
        self.caller = replace(self.caller, user=user)


class _WatchedRoom:
    """A feed of a room. Its connection answers for the caller."""

    caller = None

    def __init__(self, user_id: int, room_id: int, events: Subscription) -> None:
        self.user_id = user_id
        self._room_id = room_id
        self._events = events

    def room_ids(self) -> Iterable[int]:
        return (self._room_id,)

    def lose_room(self, room_id: int) -> None:
        self._events.fail(NotFound(NO_ROOM))

    def end_access(self) -> None:
        """Its connection ends, and this with it."""

    def update_user(self, user: User) -> None:
        """It needs no more of the user than the id."""


@contextmanager
def _swept(one: S) -> Iterator[S]:
    sweeper = current_sweeper()
    sweeper.add(one)
    try:
        yield one
    finally:
        sweeper.discard(one)


def watch_caller(caller: Caller, lost: Callable[[], None]) -> AbstractContextManager[WatchedCaller]:
    """Within the block, call `lost` (again and again) once the caller's proof no longer holds."""
    return _swept(WatchedCaller(caller, lost))


def watch_room(user: User, room_id: int, events: Subscription) -> AbstractContextManager[object]:
    """Within the block, end the subscription with NotFound once the user may no longer read the room."""
    return _swept(_WatchedRoom(user.pk, room_id, events))
