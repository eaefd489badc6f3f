"""What subscriptions follow: a room from a version on, and an answer from its beginning, without gaps or repeats.

Each feed first subscribes to the hub and then reads the database, so that nothing falls between the two. An event
that arrives out of order, or a `RESYNC`, makes it read again from what it told last.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from django.utils.dateparse import parse_datetime

from chat.database import run_in_db
from chat.errors import bad_input
from chat.events import MessagePosted, MessageUpdated, room_group
from chat.live.delivery import RESYNC, Delivery
from chat.live.hub import subscribe
from chat.live.subscription import Subscription
from chat.models import Message, Room, User
from chat.selectors import PAGE_MESSAGES, access_room, changes_since, messages_of
from gql.subscriptions.watch import watch_room

_SHARED_RESULTS = "_shared_results"
DURABLE = (MessagePosted.name, MessageUpdated.name)

EventOf = Callable[[Delivery], object | None]
Sit = Callable[[Subscription, int], Awaitable[int]]


class Place(Protocol):
    """Where a subscription can be told of live events together with others (`gql.subscriptions.audience`)."""

    def among(self, group: str, event_of: EventOf) -> AbstractAsyncContextManager[Sit]:
        """Gives a function that waits while others tell the subscriber what follows a version, until something waits
        in its own queue, and returns the version that was told by then. `event_of` gives what a delivery is to the
        operation, None for nothing."""


@dataclass(frozen=True, slots=True)
class MessageNews:
    """A message that appeared (`is_new`) or changed. `live` is the delivery that told of it, None if it was read."""

    message: Message
    is_new: bool
    live: Delivery | None = None


def message_of(delivery: Delivery) -> Message:
    """The message of an event as a row. Columns that events do not carry are deferred; nothing is read for it."""
    data = delivery.data
    author = data["author"]
    problem = data["error"] or {"code": "", "message": ""}
    row = {
        "id": int(data["id"]),
        "room_id": int(data["roomId"]),
        "author_id": int(author["id"]),
        "kind": data["kind"],
        "status": data["status"],
        "text": data["text"],
        "html": data["html"],
        "citations": data["citations"],
        "reactions": data["reactions"],
        "attachments": data["attachments"],
        "error_code": problem["code"],
        "error_message": problem["message"],
        "parent_id": int(data["parentId"]) if data["parentId"] else None,
        "client_id": data["clientId"],
        "version": data["version"],
        "delta_index": data["deltaIndex"],
        "created_at": parse_datetime(data["createdAt"]),
        "edited_at": parse_datetime(data["editedAt"]) if data["editedAt"] else None,
        "deleted_at": parse_datetime(data["deletedAt"]) if data["deletedAt"] else None,
    }
    message = _row(Message, row)
    message.author = _row(
        User,
        {
            "id": row["author_id"],
            "username": author["username"],
            "display_name": author["displayName"],
            "is_bot": author["isBot"],
            "is_active": True,
        },
    )
    return message


def live_event(event: object) -> object:
    """Have an event that is made once for all who are told of it carry what they share (`shared_results_of`)."""
    vars(event)[_SHARED_RESULTS] = {}
    return event


def shared_results_of(event: object) -> dict[Any, Any] | None:
    """Where those who are told of this very event keep what they share (`gql.subscriptions.sharing`).

    It goes with the event.

    None for what is no `live_event`: a message that was read for one subscriber is told to that one alone.
    """
    return getattr(event, _SHARED_RESULTS, None)


def _row(model: Any, values: dict[str, Any]) -> Any:
    names = [field.attname for field in model._meta.concrete_fields if field.attname in values]
    return model.from_db("default", names, [values[name] for name in names])


@dataclass(slots=True)
class _Reader:
    """Reads what a feed has not told yet, in the order of the changes; or, with `posts_only`, of the posts."""

    user: User
    room_id: int
    posts_only: bool
    seen: int

    def read_batch(self) -> list[Message]:
        """The next messages beyond `seen`, which is raised; [] when the feed is level with the database.

        Raises:
            NotFound: the room is no longer open to the user.
        """
        room = access_room(self.user, self.room_id)
        if self.posts_only:
            batch = list(messages_of(room).filter(posted_version__gt=self.seen)[:PAGE_MESSAGES])
            last = batch[-1].posted_version if batch else 0
        else:
            batch = changes_since(room, self.seen, limit=PAGE_MESSAGES)
            last = batch[-1].version if batch else 0
        # The version was read before the messages, so every message up to it is in the batch, unless that was full.
        self.seen = max(self.seen, last if len(batch) == PAGE_MESSAGES else max(last, room.version))
        return batch


async def _missed(reader: _Reader) -> AsyncIterator[MessageNews]:
    """What the reader has not told, in order; it is level with the database afterwards."""
    since = reader.seen
    told: set[int] = set()  # a message that changes between two batches comes twice, and is new only once
    more = True
    while more:
        batch = await run_in_db(reader.read_batch)
        more = len(batch) == PAGE_MESSAGES
        for message in batch:
            yield MessageNews(message, message.posted_version > since and message.pk not in told)
            told.add(message.pk)


def check_since(room: Room, since: int | None) -> None:
    """Raises BadInput unless `since` is None or one of the room's versions."""
    if since is not None and not 0 <= since <= room.version:
        raise bad_input("since", f"must lie between 0 and {room.version}")


async def follow_room(
    user: User,
    room_id: str,
    since: int | None,
    event_of: EventOf,
    *,
    posts_only: bool = False,
    place: Place | None = None,
) -> AsyncIterator[MessageNews | Delivery]:
    """Changes of the room's messages after version `since` (None: from now on), in order, each once; and what is not
    stored (deltas, typing) as it passes. With `posts_only` new messages alone, in the order they were posted.

    With a place nothing is given of what is told there.

    Raises:
        NotFound: the room is not, or no longer, open to the user.
        Unavailable: the channel layer cannot be reached.
    """
    room = await run_in_db(access_room, user, room_id)
    group, start = room_group(room.pk), room.version if since is None else since
    reader = _Reader(user, room.pk, posts_only, start)
    async with subscribe(group) as events, _sitting(place, group, event_of) as sit:
        with watch_room(user, room.pk, events):
            async for news in _missed(reader):
                yield news
            while True:
                if sit is not None and events.is_level:
                    reader.seen = await sit(events, reader.seen)
                delivery = await anext(events)
                version = delivery.data.get("version", 0)
                if delivery.name not in DURABLE and delivery.name != RESYNC:
                    yield delivery
                elif delivery.name == RESYNC or version > reader.seen + 1:
                    async for news in _missed(reader):
                        yield news
                elif version == reader.seen + 1:
                    reader.seen = version
                    is_new = delivery.name == MessagePosted.name
                    yield MessageNews(delivery.encoded(message_of), is_new, delivery)


def _sitting(place: Place | None, group: str, event_of: EventOf) -> AbstractAsyncContextManager[Sit | None]:
    return nullcontext() if place is None else place.among(group, event_of)
