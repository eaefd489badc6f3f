"""How much may be kept: of one user, and in one collection; and how many pages of the web."""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Sum

from chat.errors import PayloadTooLarge
from rag.models import Document, WebPage

_MEGABYTE = 1024 * 1024
PAGES_PER_USER = 1000  # each may be fetched every hour, and one that cannot be had takes no bytes


class QuotaExceeded(PayloadTooLarge):
    """There is no room for a document; `document_code` is what one that was queued already fails with."""

    document_code = "QUOTA_EXCEEDED"


@dataclass(frozen=True, slots=True)
class Quota:
    """Bytes of originals that a user has uploaded, and may."""

    used_bytes: int
    allowed_bytes: int


def quota_of(user_id: int) -> Quota:
    """What the user's documents take up. Texts without a file, as of a loaded corpus, count by their length."""
    return Quota(_bytes(uploaded_by=user_id), settings.DOCUMENTS_MAX_BYTES)


def require_room(*, user_id: int, collection_id: int, size_bytes: int) -> None:
    """Refuse a document of that size where the user's or the collection's share is used up.

    Nothing is locked for it: uploads at the same moment may exceed a share by what they bring.

    Raises:
        QuotaExceeded: says whose share, and how large it is.
    """
    if _bytes(uploaded_by=user_id) + size_bytes > settings.DOCUMENTS_MAX_BYTES:
        limit = settings.DOCUMENTS_MAX_BYTES // _MEGABYTE
        raise QuotaExceeded(
            f"Your documents may come to {limit} MB in all. Delete some first.",
            fields={"file": "has no room left"},
        )
    if _bytes(collection=collection_id) + size_bytes > settings.COLLECTION_MAX_BYTES:
        limit = settings.COLLECTION_MAX_BYTES // _MEGABYTE
        raise QuotaExceeded(
            f"The documents of a collection may come to {limit} MB in all. Delete some first, or use another one.",
            fields={"collectionId": "has no room left"},
        )


def require_room_for_page(user_id: int) -> None:
    """Refuse another page of the web where the user has PAGES_PER_USER.

    Raises:
        QuotaExceeded: says how many there may be.
    """
    if WebPage.objects.filter(document__uploaded_by=user_id).count() >= PAGES_PER_USER:
        raise QuotaExceeded(
            f"You may have {PAGES_PER_USER} pages of the web. Delete some first.",
            fields={"url": "has no room left"},
        )


def _bytes(**whose: int) -> int:
    return Document.objects.filter(**whose).aggregate(total=Sum("size_bytes"))["total"] or 0
