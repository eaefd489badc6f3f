"""The rows of the schema's lists: selectors' rows in an order that a cursor can name, and a page of them."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, TypeVar, cast

from django.db.models import Model, QuerySet

from chat.database import run_in_db
from chat.models import User
from chat.open_rooms import Key as RoomKey
from chat.open_rooms import OpenRoom, list_open_rooms
from chat.selectors import open_rooms
from gql.lists.connections import Key, Page, cut_page, parse_page, read_rows
from rag.models import Document
from rag.selectors import access_collection, documents_of, documents_readable_by

M = TypeVar("M", bound=Model)

# Columns that order a list, with the types of their values in a cursor; the last one is unique.
Order = Mapping[str, type]
PEOPLE: Order = {"username": str, "id": int}
COLLECTIONS: Order = {"name": str, "id": int}
DOCUMENTS: Order = {"title": str, "id": int}
ROOM_KEY = (int, str, int)


async def read_rooms(user: User, **arguments: Any) -> Page[OpenRoom]:
    """A page of the rooms that are open to the user: his or her own, then public ones, each by name.

    Raises:
        BadInput: the arguments.
    """
    page = parse_page(ROOM_KEY, **arguments)
    found = await list_open_rooms(user, after=cast(RoomKey | None, page.after), limit=page.limit + 1)

    async def count() -> int:
        return await run_in_db(open_rooms(user).count)

    return cut_page(found, page, key=attrgetter("key"), count=count)


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
