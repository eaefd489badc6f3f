"""Who will see what a search finds."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chat.models import User


@dataclass(frozen=True, slots=True)
class Audience:
    """Who will see what is found; nothing is found that any of them may not read.

    `collections_sql` selects the ids of the collections that all of them may read, `%(audience_id)s` being `id`.
    """

    collections_sql: str
    id: int | None = None

    @classmethod
    def of_room(cls, room_id: int) -> "Audience":
        """Everybody who may read the room: for what is posted there."""
        return cls("SELECT rag_collections_of_room(%(audience_id)s)", room_id)

    @classmethod
    def of_user(cls, user: "User") -> "Audience":
        """One user: for what only he or she gets to see."""
        return cls("SELECT rag_collections_of_user(%(audience_id)s)", user.pk)

    @classmethod
    def everything(cls) -> "Audience":
        """Every collection: for whoever runs commands on the server."""
        return cls("SELECT id FROM rag_collection")
