"""Relay connections with keyset pages: a cursor is the sort key of a row, so every page costs the same."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import Any, Generic, NamedTuple, TypeVar

import graphene
import orjson
from django.db.models import Model, Q, QuerySet

from chat.errors import bad_input
from gql.protection.declared import costs

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
_BIGINT_MAX = 2**63 - 1

Key = tuple[int | str, ...]
N = TypeVar("N")


def encode_cursor(key: Key) -> str:
    """An opaque cursor of a sort key."""
    return urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()


def decode_cursor(cursor: str, types: tuple[type, ...], *, argument: str) -> Key:
    """The sort key in a cursor.

    Raises:
        BadInput: the cursor was not made by `encode_cursor` for a key of these types.
    """
    problem = bad_input(argument, "is not a cursor of this connection")
    try:
        raw = cursor.encode("ascii")
        key = orjson.loads(urlsafe_b64decode(raw + b"=" * (-len(raw) % 4)))
    except ValueError:
        raise problem from None
    if not isinstance(key, list) or len(key) != len(types):
        raise problem
    for part, wanted in zip(key, types, strict=True):
        if type(part) is not wanted or (isinstance(part, int) and abs(part) > _BIGINT_MAX):
            raise problem
        if isinstance(part, str) and "\x00" in part:  # PostgreSQL has no text with it
            raise problem
    return tuple(key)


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A checked request for a page: `limit` rows after or before a key, from the front or from the back."""

    limit: int = DEFAULT_LIMIT
    after: Key | None = None
    before: Key | None = None
    backwards: bool = False


def _check_limit(name: str, value: int) -> int:
    if not 0 <= value <= MAX_LIMIT:
        raise bad_input(name, f"must lie between 0 and {MAX_LIMIT}")
    return value


def parse_page(
    types: tuple[type, ...],
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    names: tuple[str, str] = ("first", "after"),
) -> PageRequest:
    """Check the arguments of a connection whose sort key has these types. `names` are those of `first` and `after`.

    Raises:
        BadInput: a limit out of bounds, both directions at once, or a foreign cursor.
    """
    if first is not None and last is not None:
        raise bad_input("last", "cannot be combined with first")
    backwards = last is not None or (first is None and before is not None)
    limit = DEFAULT_LIMIT
    if last is not None:
        limit = _check_limit("last", last)
    elif first is not None:
        limit = _check_limit(names[0], first)
    return PageRequest(
        limit,
        None if after is None else decode_cursor(after, types, argument=names[1]),
        None if before is None else decode_cursor(before, types, argument="before"),
        backwards,
    )


@dataclass(frozen=True, slots=True)
class Page(Generic[N]):
    """Rows of a page in the connection's order; `count` gives the rows of all pages and is asked only when wanted."""

    nodes: Sequence[N]
    key: Callable[[N], Key]
    has_next: bool
    has_previous: bool
    count: Callable[[], Awaitable[int]]


def cut_page(
    rows: list[N], page: PageRequest, *, key: Callable[[N], Key], count: Callable[[], Awaitable[int]]
) -> Page[N]:
    """The page from up to `limit + 1` rows in the order of reading; the one too many says whether there are more."""
    more, kept = len(rows) > page.limit, rows[: page.limit]
    if page.backwards:
        return Page(kept[::-1], key, has_next=page.before is not None, has_previous=more, count=count)
    return Page(kept, key, has_next=more, has_previous=page.after is not None, count=count)


def keyset_after(names: Sequence[str], key: Key) -> Q:
    """Rows behind `key` in ascending order of the named columns."""
    condition, equal = Q(), Q()
    for name, value in zip(names, key, strict=True):
        condition |= equal & Q(**{f"{name}__gt": value})
        equal &= Q(**{name: value})
    return condition


M = TypeVar("M", bound=Model)


def read_rows(rows: QuerySet[M], names: Sequence[str], page: PageRequest) -> list[M]:
    """Up to `limit + 1` rows of a forward page, in ascending order of the named columns (the last one unique)."""
    if page.after is not None:
        rows = rows.filter(keyset_after(names, page.after))
    return list(rows.order_by(*names)[: page.limit + 1])


FIRST = f"How many, at most {MAX_LIMIT}; {DEFAULT_LIMIT} if left out."
AFTER = "A cursor of this list: what follows it is given."


def page_arguments() -> dict[str, graphene.Scalar]:
    """The arguments of a list that is read forwards."""
    return {"first": graphene.Int(description=FIRST), "after": graphene.String(description=AFTER)}


class PageInfo(graphene.ObjectType):
    """Where a page lies in its connection."""

    has_next_page = graphene.Boolean(required=True, description="Whether more follows.")
    has_previous_page = graphene.Boolean(required=True, description="Whether more comes before.")
    start_cursor = graphene.String(description="Cursor of the first edge; null on an empty page.")
    end_cursor = graphene.String(description="Cursor of the last edge; null on an empty page.")


def page_info_of(keys: Sequence[Key], *, has_next: bool, has_previous: bool) -> dict[str, Any]:
    """The `PageInfo` of a page whose nodes have these keys; the first and the last of them will do."""
    return {
        "has_next_page": has_next,
        "has_previous_page": has_previous,
        "start_cursor": encode_cursor(keys[0]) if keys else None,
        "end_cursor": encode_cursor(keys[-1]) if keys else None,
    }


class Edge(NamedTuple):
    """A row's place in a connection. Its cursor is made when somebody asks for it."""

    node: Any
    key: Callable[[Any], Key]

    @property
    def cursor(self) -> str:
        return encode_cursor(self.key(self.node))


_MAKE_EDGE = partial(tuple.__new__, Edge)  # of a pair, without a call of Python


class _Connection:
    """Resolvers shared by connections; the root is a `Page`."""

    @staticmethod
    def resolve_edges(page: Page[Any], info: graphene.ResolveInfo) -> list["Edge"]:
        return list(map(_MAKE_EDGE, zip(page.nodes, repeat(page.key))))

    @staticmethod
    def resolve_page_info(page: Page[Any], info: graphene.ResolveInfo) -> dict[str, Any]:
        keys = [page.key(node) for node in (*page.nodes[:1], *page.nodes[-1:])]
        return page_info_of(keys, has_next=page.has_next, has_previous=page.has_previous)

    @staticmethod
    def resolve_total_count(page: Page[Any], info: graphene.ResolveInfo) -> Awaitable[int]:
        return page.count()


def connection_type(name: str, node: str | Callable[[], type]) -> type[graphene.ObjectType]:
    """The types `<name>Connection` and `<name>Edge`. `node` is the node's type, lazily or as a dotted path."""
    edge = type(
        f"{name}Edge",
        (graphene.ObjectType,),
        {
            "__doc__": f"A place in a {name}Connection.",
            "cursor": graphene.String(required=True, description="What `after` or `before` begins at."),
            "node": graphene.Field(node, required=True, description=f"The {name}."),
        },
    )
    return type(
        f"{name}Connection",
        (_Connection, graphene.ObjectType),
        {
            "__doc__": "A page of a longer list.",
            "edges": graphene.List(graphene.NonNull(edge), required=True, description="In the list's order."),
            "page_info": graphene.Field(PageInfo, required=True, description="Where the page lies."),
            "total_count": costs(
                graphene.Int(required=True, description="Of all pages; counted only when it is asked for."),
                complexity=20,
            ),
        },
    )
