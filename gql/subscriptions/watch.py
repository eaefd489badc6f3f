"""GraphQL in `chat.access.sweeps`: sockets and streams end with their caller's access, feeds with that to a room."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TypeVar

from chat.access.authentication import Caller
from chat.access.sweeps import Swept, WithoutRooms, current_sweeper
from chat.errors import Conflict, NotFound
from chat.live.subscription import Subscription
from chat.models import User
from chat.selectors import NO_ROOM

S = TypeVar("S", bound=Swept)
ACCOUNT_CHANGED = "What you may see has changed. Subscribe again."


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
    """A feed of a room. Its connection answers for the caller.

    What is told in it was decided when it began, for a member or for a guest, who is told less of people: it ends when
    one becomes the other.
    """

    caller = None

    def __init__(self, user: User, room_id: int, events: Subscription) -> None:
        self.user_id = user.pk
        self._was_guest = user.is_guest
        self._room_id = room_id
        self._events = events
        self._is_lost = False

    def room_ids(self) -> Iterable[int]:
        return (self._room_id,)

    def lose_room(self, room_id: int) -> None:
        self._is_lost = True
        self._events.fail(NotFound(NO_ROOM))

    def end_access(self) -> None:
        """Its connection ends, and this with it."""

    def update_user(self, user: User) -> None:
        """It ends for who is a guest by now, or no longer one."""
        if user.is_guest != self._was_guest and not self._is_lost:
            self._events.fail(Conflict(ACCOUNT_CHANGED))


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
    """Within the block, end the subscription with NotFound once the user may no longer read the room, and with Conflict
    once the user has become a guest or is one no longer."""
    return _swept(_WatchedRoom(user, room_id, events))
