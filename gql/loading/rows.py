"""Rows of hot lists: tuples with the names of their columns, which cost a quarter of what model instances do.

Times and JSON arrive as text, for few lists ask for all of them, and Python's own reader of ISO 8601 takes a tenth of
the time of psycopg's: a column `created_at_text` is `created_at` in the table, and the property of that name reads it.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar

R = TypeVar("R", bound=tuple[Any, ...])
_AS_TEXT = ("_text", "_json")


class _MessageColumns(NamedTuple):
    id: int
    room_id: int
    author_id: int
    kind: str
    status: str
    text: str
    html: str
    citations_json: str
    error_code: str
    error_message: str
    parent_id: int | None
    client_id: str
    version: int
    posted_version: int
    delta_index: int
    created_at_text: str
    edited_at_text: str | None
    deleted_at_text: str | None
    reactions_json: str
    attachments_json: str


class _LeanMessageColumns(NamedTuple):
    id: int
    room_id: int
    author_id: int
    kind: str
    status: str
    text: str
    version: int
    posted_version: int
    created_at_text: str


class _PersonColumns(NamedTuple):
    id: int
    username: str
    display_name: str
    is_bot: bool
    email: str
    last_seen_at_text: str | None


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


class MessageRow(_MessageColumns):
    """A message as it is stored, read-only: what lists of messages hold in place of `chat.models.Message`."""

    __slots__ = ()

    pk = _MessageColumns.id

    @property
    def citations(self) -> list[dict[str, Any]]:
        return json.loads(self.citations_json)

    @property
    def reactions(self) -> list[dict[str, Any]]:
        return json.loads(self.reactions_json)

    @property
    def attachments(self) -> list[dict[str, Any]]:
        return json.loads(self.attachments_json)

    @property
    def created_at(self) -> datetime:
        return datetime.fromisoformat(self.created_at_text)

    @property
    def edited_at(self) -> datetime | None:
        return _time(self.edited_at_text)

    @property
    def deleted_at(self) -> datetime | None:
        return _time(self.deleted_at_text)


class LeanMessageRow(_LeanMessageColumns):
    """What most clients ask of a message, a third of its bytes. `LEAN_FIELDS` read no other columns."""

    __slots__ = ()

    pk = _LeanMessageColumns.id

    @property
    def created_at(self) -> datetime:
        return datetime.fromisoformat(self.created_at_text)


# Of the schema: of a connection, of messages, and of their authors. With any other name, rows are whole.
LEAN_FIELDS = frozenset(
    "edges node cursor pageInfo hasNextPage hasPreviousPage startCursor endCursor totalCount __typename"
    " id roomId kind status text version createdAt replyCount author username displayName isBot".split()
)


class PersonRow(_PersonColumns):
    """What the schema tells of a person, read-only: what authors are in place of `chat.models.User`."""

    __slots__ = ()

    pk = _PersonColumns.id

    @property
    def last_seen_at(self) -> datetime | None:
        return _time(self.last_seen_at_text)


def columns_of(kind: type[Any]) -> str:
    """The columns of a kind of rows, for a `select` from its table."""
    return ", ".join(
        f"{name[: -len(_AS_TEXT[0])]}::text" if name.endswith(_AS_TEXT) else name for name in kind._fields
    )


def rows_of(kind: type[R], values: Iterable[tuple[Any, ...]]) -> list[R]:
    """Rows of the columns of their kind, made without a call of Python for each."""
    return list(map(partial(tuple.__new__, kind), values))
