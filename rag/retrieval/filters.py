"""What a search is narrowed to, within what its audience may read. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class SearchFilters:
    """Each field that is not None narrows a search, and all hold together; () finds nothing.

    Attributes:
        collection_ids: documents of these collections.
        document_ids: these documents, and the parts of those that are archives or mails.
        media_types: documents of these types, such as "application/pdf".
        uploader_ids: documents that these users added.
        added_from, added_before: documents added at the first moment or later, and before the second one.
    """

    collection_ids: tuple[int, ...] | None = None
    document_ids: tuple[int, ...] | None = None
    media_types: tuple[str, ...] | None = None
    uploader_ids: tuple[int, ...] | None = None
    added_from: datetime | None = None
    added_before: datetime | None = None

    @property
    def is_by_document(self) -> bool:
        """Whether it tells documents of one collection apart."""
        one_by_one = (
            self.document_ids,
            self.media_types,
            self.uploader_ids,
            self.added_from,
            self.added_before,
        )
        return any(field is not None for field in one_by_one)

    def parameters(self) -> dict[str, Any]:
        """The values of `rag/retrieval/sql/search.sql` and `rag/retrieval/sql/chosen.sql` that come from filters."""
        return {
            "collection_ids": _listed(self.collection_ids),
            "document_ids": _listed(self.document_ids),
            "media_types": _listed(self.media_types),
            "uploader_ids": _listed(self.uploader_ids),
            "added_from": self.added_from,
            "added_before": self.added_before,
        }


EVERYTHING = SearchFilters()


def _listed(values: tuple[Any, ...] | None) -> list[Any] | None:
    return None if values is None else list(values)
