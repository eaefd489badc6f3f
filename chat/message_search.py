"""Finding messages by their words: PostgreSQL's full text search in the rooms that a user may read."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import BooleanField, F, FloatField, QuerySet
from django.db.models.expressions import RawSQL

from chat.database import statements_within
from chat.errors import Unavailable
from chat.models import Message, Room, User
from chat.selectors import rooms_readable_by

CANDIDATES = 1000  # the newest that match are ranked: a common word matches most of a year's messages
_DASHES = re.compile(r"-[\s-]*-")  # PostgreSQL's parser has room for 32 nested "not"s, and then fails
TIME_LIMIT_S = (
    5.0  # far more than any honest question takes, and all that one person may have of the database
)
TOO_LONG = "The search took too long. Ask for fewer or rarer words."
_WORDS = "to_tsvector('chat_words', chat_message.text)"  # as the index has it
_QUESTION = "websearch_to_tsquery('chat_words', %s)"  # takes any text: what is no syntax is a word
# The second half is decided before any row is read: 'T' is a question that the index cannot help with, '' an empty one.
_MATCHES = f"{_WORDS} @@ {_QUESTION} AND querytree({_QUESTION}) NOT IN ('T', '')"
# All words weigh 1, so that a rank lies between 0 and 1; 1: divided by 1 + log(length), as long texts match by chance.
_RANK = f"ts_rank('{{1,1,1,1}}', {_WORDS}, {_QUESTION}, 1)"


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """A message that matches; higher ranks, between 0 and 1, fit better."""

    message_id: int
    rank: float


def find_messages(
    user: User,
    query: str,
    *,
    room: Room | None = None,
    newest_id: int | None = None,
    limit: int = CANDIDATES,
) -> list[FoundMessage]:
    """The newest messages that match, up to `limit`, newest first.

    Deleted messages, running answers and what the server says are never found. The query knows "exact words", -without
    and `or`, as websearch_to_tsquery reads them; words of no meaning alone (such as "the") find nothing,
    nor does a query that says only what must not occur.

    Args:
        room: search only there; the caller got it from `access_room`.
        newest_id: nothing above this id, so that further pages are of the same messages.

    Raises:
        Unavailable: it takes longer than `TIME_LIMIT_S`.
    """
    query = _DASHES.sub("-", query)
    rooms = rooms_readable_by(user) if room is None else Room.objects.filter(pk=room.pk)
    matches = RawSQL(_MATCHES, [query, query], output_field=BooleanField())
    matching = _searchable(rooms).filter(matches)
    if newest_id is not None:
        matching = matching.filter(pk__lte=newest_id)
    rank = RawSQL(_RANK, [query], output_field=FloatField())
    # + 0: the primary key must not be walked backwards in search of a rare word.
    newest_first = matching.annotate(rank=rank).order_by((F("pk") + 0).desc())
    with statements_within(TIME_LIMIT_S, Unavailable(TOO_LONG)):
        return [FoundMessage(*row) for row in newest_first.values_list("pk", "rank")[:limit]]


def _searchable(rooms: QuerySet[Room]) -> QuerySet[Message]:
    messages = Message.objects.filter(room__in=rooms, deleted_at=None)
    return messages.exclude(kind=Message.Kind.SYSTEM).exclude(status=Message.Status.STREAMING)


def found_messages(user: User, message_ids: Iterable[int]) -> dict[int, Message]:
    """Those of the messages that the user may still read, by id, with author and room."""
    messages = _searchable(rooms_readable_by(user)).filter(pk__in=list(message_ids))
    return {message.pk: message for message in messages.select_related("author", "room")}
