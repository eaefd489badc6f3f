"""What chat announces: plain values, the same for every transport.

An event is a hint. It leaves a process only after the commit of what it tells of, and a client that misses one asks
the database for "versions above the one I saw" (docs/events.md). `publish_on_commit`, `publish_committed` and
`publish` are the only ways to the channel layer.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from asgiref.sync import async_to_sync
from django.db import transaction

from chat.database import served_loop
from chat.live import event_names
from chat.live.delivery import Delivery
from chat.live.groups import MEMBERSHIPS, room_group
from chat.live.publisher import current_publisher

__all__ = [
    "Event",
    "MembershipsChanged",
    "MessageDelta",
    "MessagePosted",
    "MessageUpdated",
    "Typing",
    "UserJoined",
    "UserLeft",
    "Wire",
    "publish",
    "publish_committed",
    "publish_on_commit",
    "room_group",
]

log = logging.getLogger(__name__)
Wire = dict[str, Any]


class Event(Protocol):
    name: ClassVar[str]

    def group(self) -> str: ...
    def data(self) -> Wire: ...


@dataclass(frozen=True, slots=True)
class _OfRoom:
    """What happens in a room."""

    room_id: int

    def group(self) -> str:
        return room_group(self.room_id)


@dataclass(frozen=True, slots=True)
class _OfMessage:
    """What happens to a message; `message` is its wire form (docs/events.md)."""

    message: Wire

    def group(self) -> str:
        return room_group(self.message["roomId"])

    def data(self) -> Wire:
        return self.message


@dataclass(frozen=True, slots=True)
class _OfPresence(_OfRoom):
    """A user in a room begins or ceases to be live."""

    user_id: int

    def data(self) -> Wire:
        return {"userId": str(self.user_id), "roomId": str(self.room_id)}


class MessagePosted(_OfMessage):
    """A new message."""

    __slots__ = ()
    name: ClassVar[str] = event_names.NEW_MESSAGE


class MessageUpdated(_OfMessage):
    """A message changed: replace the one with the same id if this version is higher."""

    __slots__ = ()
    name: ClassVar[str] = event_names.MESSAGE_UPDATED


@dataclass(frozen=True, slots=True)
class MessageDelta(_OfRoom):
    """The next piece of a running answer; `index` counts from 0 within the message's current attempt."""

    name: ClassVar[str] = event_names.MESSAGE_DELTA
    message_id: int
    index: int
    text: str

    def data(self) -> Wire:
        return {"messageId": str(self.message_id), "index": self.index, "text": self.text}


class UserJoined(_OfPresence):
    """A user's first live connection in a room."""

    __slots__ = ()
    name: ClassVar[str] = event_names.USER_JOINED


class UserLeft(_OfPresence):
    """A user's last live connection in a room is gone."""

    __slots__ = ()
    name: ClassVar[str] = event_names.USER_LEFT


@dataclass(frozen=True, slots=True)
class Typing(_OfRoom):
    """A user began or stopped typing."""

    name: ClassVar[str] = event_names.TYPING
    user_id: int
    typing: bool

    def data(self) -> Wire:
        return {"roomId": str(self.room_id), "userId": str(self.user_id), "typing": self.typing}


@dataclass(frozen=True, slots=True)
class MembershipsChanged:
    """Memberships of these users in the room began or ended, or they have read on. For processes, not for clients."""

    name: ClassVar[str] = event_names.MEMBERSHIPS_CHANGED
    room_id: int
    user_ids: tuple[int, ...]

    def group(self) -> str:
        return MEMBERSHIPS

    def data(self) -> Wire:
        return {"roomId": str(self.room_id), "userIds": [str(pk) for pk in self.user_ids]}


async def publish(event: Event) -> None:
    """Announce at once: for what is not stored (deltas, typing, presence) or is committed already.

    It has reached this process's listeners on return, and is on its way to the others.
    """
    publisher = current_publisher()
    publisher.announce([_delivery(event)])
    await publisher.has_room()


def publish_on_commit(*events: Event) -> None:
    """Announce in this order after the surrounding transaction commits. A failure never undoes the commit.

    Raises:
        RuntimeError: outside a transaction, where there is no commit to wait for.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("publish_on_commit needs a transaction")

    def announce() -> None:  # a function with a name: Django's log of a failed robust hook asks for one
        announce_committed(events)

    if events:
        transaction.on_commit(announce, robust=True)


def publish_committed(*events: Event) -> None:
    """Announce in this order what is committed: a single statement is its own transaction. A failure is logged."""
    try:
        announce_committed(events)
    except Exception:  # as Django does with a robust hook: what is stored is stored
        log.exception("%d events of a commit could not be announced", len(events))


def announce_committed(events: Sequence[Event]) -> None:
    """Announce through the running event loop, or from a thread that has none through the one that it works for."""
    deliveries = [_delivery(event) for event in events]
    loop = served_loop()
    if _is_on_a_loop():
        _announce(deliveries)
    elif loop is None:
        async_to_sync(_announce_and_wait)(deliveries)
    else:
        loop.call_soon_threadsafe(_announce, deliveries)


def _is_on_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _announce(deliveries: Sequence[Delivery]) -> None:
    current_publisher().announce(deliveries)


async def _announce_and_wait(deliveries: Sequence[Delivery]) -> None:
    """In a loop that may end with this call."""
    publisher = current_publisher()
    publisher.announce(deliveries)
    await publisher.sent()


def _delivery(event: Event) -> Delivery:
    return Delivery(event.group(), event.name, event.data())
