"""How much may be kept: of one user, and in one collection; and how many pages of the web."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.db.models import Sum

from chat.errors import PayloadTooLarge
from chat.text import file_size
from rag.models import Document, WebPage

PAGES_PER_USER = 1000  # each may be fetched every hour, and one that cannot be had takes no bytes


class QuotaExceeded(PayloadTooLarge):
    """There is no room for a document; `document_code` is what one that was queued already fails with."""

    document_code = "QUOTA_EXCEEDED"


@dataclass(frozen=True, slots=True)
class Quota:
    """Bytes of originals that a user has uploaded, or a collection holds, and may."""

    used_bytes: int
    allowed_bytes: int


def quota_of(user_id: int) -> Quota:
    """What the user's documents take up. Texts without a file, as of a loaded corpus, count by their length."""
    return Quota(_bytes(uploaded_by=user_id), settings.DOCUMENTS_MAX_BYTES)


def quotas_of_collections(collection_ids: Iterable[int]) -> dict[int, Quota]:
    """What each collection's documents take up, those of all users together; one query."""
    wanted = list(collection_ids)
    sums = (
        Document.objects.filter(collection__in=wanted).values("collection").annotate(total=Sum("size_bytes"))
    )
    used = dict(sums.values_list("collection", "total"))
    return {pk: Quota(used.get(pk, 0), settings.COLLECTION_MAX_BYTES) for pk in wanted}


def require_room(*, user_id: int, collection_id: int, size_bytes: int) -> None:
    """Refuse a document of that size where the user's or the collection's share is used up.

    Uploads of the same user, or into the same collection, wait from here on for the end of the caller's transaction,
    so that two cannot each find the room that is there for one. A lock of the content comes before, not after it.

    Raises:
        QuotaExceeded: says whose share, how large it is, and how much of it is left.
        RuntimeError: outside a transaction, where nothing would hold the locks.
    """
    _lock(f"rag quota of user {user_id}")
    user = quota_of(user_id)
    if user.used_bytes + size_bytes > user.allowed_bytes:
        raise QuotaExceeded(
            f"Your documents may come to {file_size(user.allowed_bytes)} in all, of which {_left(user)} left."
            " Delete some first.",
            fields={"file": "has no room left"},
        )
    _lock(f"rag quota of collection {collection_id}")
    collection = Quota(_bytes(collection=collection_id), settings.COLLECTION_MAX_BYTES)
    if collection.used_bytes + size_bytes > collection.allowed_bytes:
        raise QuotaExceeded(
            f"The documents of a collection may come to {file_size(collection.allowed_bytes)} in all, of which"
            f" {_left(collection)} left in this one."
            " Delete some first, or use another collection.",
            fields={"collectionId": "has no room left"},
        )


def _left(quota: Quota) -> str:
    left = max(0, quota.allowed_bytes - quota.used_bytes)
    return f"{file_size(left)} {'is' if left == 1 else 'are'}"


def _lock(name: str) -> None:
    if not connection.in_atomic_block:
        raise RuntimeError("a quota is asked for in the transaction that uses it")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


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
