"""Rows of hot lists: tuples with the names of their columns, which cost a quarter of what model instances do."""

import json
from collections import namedtuple
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from chat.models import Message

# Columns of JSON arrive as text, for few lists ask for them; the property of the column's name reads it.
_JSON = ("citations", "reactions", "attachments")
MESSAGE_COLUMNS = tuple(str(column.column) for column in Message._meta.concrete_fields)

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
        created_at: datetime
        edited_at: datetime | None
        deleted_at: datetime | None
        reactions_json: str
        attachments_json: str

        @classmethod
        def _make(cls, values: Iterable[Any]) -> Self: ...
else:
    _Columns = namedtuple("_Columns", [f"{name}_json" if name in _JSON else name for name in MESSAGE_COLUMNS])


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
