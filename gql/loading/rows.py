"""Rows of hot lists: tuples with the names of their columns, which cost a quarter of what model instances do."""

import json
from collections import namedtuple
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from chat.models import Message

# Columns of JSON and times arrive as text, for few lists ask for all of them, and Python's own reader of ISO 8601 takes
# a tenth of the time of psycopg's. The property of the column's name reads it.
_JSON = ("citations", "reactions", "attachments")
_TIMES = ("created_at", "edited_at", "deleted_at")
_NAMES = tuple(str(column.column) for column in Message._meta.concrete_fields)
MESSAGE_COLUMNS = tuple(f"{name}::text" if name in (*_JSON, *_TIMES) else name for name in _NAMES)

if TYPE_CHECKING:

    class _Columns(tuple[Any, ...]):
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

        @classmethod
        def _make(cls, values: Iterable[Any]) -> Self: ...
else:
    _SUFFIXES = dict.fromkeys(_JSON, "_json") | dict.fromkeys(_TIMES, "_text")
    _Columns = namedtuple("_Columns", [name + _SUFFIXES.get(name, "") for name in _NAMES])


class MessageRow(_Columns):
    """A message as it is stored, read-only: what lists of messages hold in place of `chat.models.Message`."""

    __slots__ = ()

    pk = _Columns.id

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


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
