"""The rows of the schema's lists: selectors' rows in an order that a cursor can name, and a page of them."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.db.models import Case, Model, QuerySet, Value, When

from chat.database import run_in_db
from chat.models import Room, User
from chat.selectors import open_rooms
from gql.lists.connections import Key, Page, cut_page, parse_page, read_rows
from rag.models import Document
from rag.selectors import access_collection, documents_of, documents_readable_by

M = TypeVar("M", bound=Model)

# Columns that order a list, with the types of their values in a cursor; the last one is unique.
Order = Mapping[str, type]
PEOPLE: Order = {"username": str, "id": int}
ROOMS: Order = {"others": int, "name": str, "id": int}
COLLECTIONS: Order = {"name": str, "id": int}
DOCUMENTS: Order = {"title": str, "id": int}


def listed_rooms(user: User) -> QuerySet[Room]:
    """`open_rooms`, with what puts one's own before the others (`others` 0 or 1)."""
    return open_rooms(user).annotate(others=Case(When(is_member=True, then=Value(0)), default=Value(1)))


def listed_documents(user: User, collection_id: object | None) -> QuerySet[Document]:
    """Those of one collection, or of all that the user may read.

    Raises:
        NotFound: the collection is absent, or not for this user.
    """
    if collection_id is None:
        return documents_readable_by(user)
    return documents_of(access_collection(user, collection_id))


async def read_page(
    rows: Callable[..., QuerySet[M]],
    *values: object,
    order: Order,
    names: tuple[str, str] = ("first", "after"),
    **arguments: Any,
) -> Page[M]:
    """The page of `rows(*values)` that the field's `arguments` ask for. `names` are those of `first` and `after`.

    Raises:
        BadInput: the arguments; and what `rows` raises.
    """
    page = parse_page(tuple(order.values()), names=names, **arguments)

    def key(row: Model) -> Key:
        return tuple(getattr(row, name) for name in order)

    def read() -> tuple[QuerySet[M], list[M]]:
        selected = rows(*values)
        return selected, read_rows(selected, tuple(order), page)

    selected, found = await run_in_db(read)

    async def count() -> int:
        return await run_in_db(selected.count)

    return cut_page(found, page, key=key, count=count)
