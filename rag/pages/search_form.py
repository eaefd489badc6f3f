"""What the form of the document search asks for, and what it offers to choose from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from chat.errors import bad_input
from chat.selectors import access_user, parse_id, users_visible_to
from rag.models import Collection, Document
from rag.parsing import media_types
from rag.retrieval.filters import SearchFilters
from rag.selectors import access_collection, access_document, collections_readable_by, documents_readable_by

if TYPE_CHECKING:
    from chat.models import User

OFFERED_PEOPLE = 200
NO_PERSON = "Nobody with that number has added a document."
# By the name in the address, what people call them, and the media types that are meant.
KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "pdf": ("PDF", (media_types.PDF,)),
    "text": ("Word and other texts", (media_types.DOCX, media_types.ODT)),
    "slides": ("Presentations", (media_types.PPTX,)),
    "tables": ("Tables", (media_types.XLSX, media_types.XLS, media_types.ODS, media_types.CSV)),
    "plain": ("Plain text and Markdown", (media_types.PLAIN_TEXT, media_types.MARKDOWN)),
    "web": ("Web pages", (media_types.HTML,)),
    "mail": ("Mails", (media_types.EML,)),
    "code": ("Source code", (media_types.SOURCE_CODE,)),
    "archive": ("Archives", (media_types.ZIP,)),
}


@dataclass(frozen=True, slots=True)
class ChosenFilters:
    """The filters of an address, checked. `values` are those that are set, as they stand in an address."""

    filters: SearchFilters
    values: dict[str, str]
    document: Document | None


@dataclass(frozen=True, slots=True)
class Offer:
    """What the reader can choose from, as (value, label) where it is no row."""

    collections: list[Collection]
    kinds: list[tuple[str, str]]
    people: list["User"]


def read_filters(user: "User", address: Mapping[str, str]) -> ChosenFilters:
    """The filters in the query part of an address; empty ones are not set.

    Raises:
        NotFound: a collection, document or person that the user cannot choose.
        BadInput: a kind that does not exist, or what is no date.
    """
    names = ("collection", "document", "kind", "by", "from", "until")
    values = {name: value for name in names if (value := address.get(name, "").strip())}
    document = access_document(user, values["document"]) if "document" in values else None
    filters = SearchFilters(
        collection_ids=_one(
            access_collection(user, values["collection"]).pk if "collection" in values else None
        ),
        document_ids=_one(document.pk if document else None),
        media_types=_media_types(values["kind"]) if "kind" in values else None,
        uploader_ids=_one(_person(user, values["by"]) if "by" in values else None),
        added_from=_midnight(values, "from"),
        added_before=_midnight(values, "until", days=1),
    )
    return ChosenFilters(filters, values, document)


def offer_to(user: "User") -> Offer:
    """Collections, kinds of files and people that documents which the user may read have; three or four queries."""
    documents = documents_readable_by(user).order_by()
    there = set(documents.values_list("media_type", flat=True).distinct())
    people = {document.uploaded_by_id: document.uploaded_by for document in documents.distinct("uploaded_by")}
    if user.is_guest:  # who added a document may be hidden from guests, who may read it
        people = users_visible_to(user).in_bulk(list(people))
    return Offer(
        collections=list(collections_readable_by(user).select_related("home_room")),
        kinds=[(name, label) for name, (label, types) in KINDS.items() if not there.isdisjoint(types)],
        people=sorted(people.values(), key=str)[:OFFERED_PEOPLE],
    )


def _one(pk: int | None) -> tuple[int] | None:
    return None if pk is None else (pk,)


def _person(user: "User", number: str) -> int:
    return access_user(user, number).pk if user.is_guest else parse_id(number, NO_PERSON)


def _media_types(kind: str) -> tuple[str, ...]:
    if kind not in KINDS:
        raise bad_input("kind", f"must be one of {', '.join(KINDS)}")
    return KINDS[kind][1]


def _midnight(values: Mapping[str, str], name: str, *, days: int = 0) -> datetime | None:
    """When the day that is named begins, or so many days later."""
    if name not in values:
        return None
    try:
        day = date.fromisoformat(values[name]) + timedelta(days=days)
    except (ValueError, OverflowError):
        raise bad_input(name, "must be a date such as 2026-05-31") from None
    return timezone.make_aware(datetime.combine(day, time.min))
