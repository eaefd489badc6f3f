"""Loaders of what is asked most: rows by one statement, which the event loop sends to PostgreSQL itself."""

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from chat.database import run_in_db
from chat.loop_database import Statement, current_loop_database, fetch
from chat.models import User
from gql.lists.connections import PageRequest
from gql.loading.dataloaders import DatabaseLoader, PagesByRoom, visible_ids
from gql.loading.rows import LeanMessageRow, MessageRow, PersonRow, columns_of, rows_of

LOOP_ROWS_MAX = (
    1000  # more than these hold up the event loop: they are read in a thread, and can be cancelled there
)
V = TypeVar("V")
Arrays = tuple[Sequence[int], ...]
AnyMessageRow = MessageRow | LeanMessageRow


class RowLoader(DatabaseLoader[int, V], Generic[V]):
    """A loader whose values are rows of one statement."""

    def most_rows(self, keys: list[int]) -> int:
        """How many rows there are at most."""
        return len(keys)

    def question(self, keys: list[int]) -> tuple[Statement, Arrays]:
        """The statement and its parameters."""
        raise NotImplementedError

    def values_of(self, keys: list[int], rows: list[tuple[Any, ...]]) -> list[V]:
        """The values of the keys, in their order."""
        raise NotImplementedError

    def read(self, keys: list[int]) -> list[V]:
        statement, arrays = self.question(keys)
        return self.values_of(keys, fetch(statement, *arrays))

    async def find(self, keys: list[int]) -> Sequence[V]:
        if self.most_rows(keys) > LOOP_ROWS_MAX:
            return await super().find(keys)
        statement, arrays = self.question(keys)
        return self.values_of(keys, await current_loop_database().fetch(statement, *arrays))


_PEOPLE = Statement(
    "graphql_people", f"select {columns_of(PersonRow)} from chat_user where id = any ($1::bigint[])"
)


class AuthorById(RowLoader[PersonRow | None]):
    """Authors of messages the caller may read: the names on them, even of a person a guest does not see otherwise."""

    def question(self, keys: list[int]) -> tuple[Statement, Arrays]:
        return _PEOPLE, (keys,)

    def values_of(self, keys: list[int], rows: list[tuple[Any, ...]]) -> list[PersonRow | None]:
        found = {person.id: person for person in rows_of(PersonRow, rows)}
        return [found.get(pk) for pk in keys]

    async def find(self, keys: list[int]) -> Sequence[PersonRow | None]:
        people = await super().find(keys)
        if self.user is None or not self.user.is_guest:
            return people
        visible = await run_in_db(visible_ids, self.user, keys)
        return [
            person if person is None or person.id in visible else person._replace(last_seen_at_text=None)
            for person in people
        ]


_MESSAGES = """
select found.* from unnest($1::bigint[]) as wanted (room_id) cross join lateral (
    select {columns} from chat_message as message
    where message.room_id = wanted.room_id
        and message.posted_version > ($2::bigint[])[1] and message.posted_version < ($3::bigint[])[1]
    order by message.posted_version {direction} limit ($4::bigint[])[1]) as found
order by found.room_id, found.posted_version {direction}
"""


def _messages(kind: type[Any], direction: str) -> Statement:
    name = f"graphql_{kind.__name__}_{direction}"
    return Statement(name, _MESSAGES.format(columns=columns_of(kind), direction=direction))


class MessagesByRoom(RowLoader[list[AnyMessageRow]], PagesByRoom[AnyMessageRow]):
    """Messages by their place; LATERAL, since it reads no more than the page of each room.

    With `lean` they have the columns that `LEAN_FIELDS` read, and no others.
    """

    _statements: ClassVar[dict[tuple[type[Any], bool], Statement]] = {
        (kind, backwards): _messages(kind, "desc" if backwards else "asc")
        for kind in (MessageRow, LeanMessageRow)
        for backwards in (False, True)
    }

    def __init__(self, user: User | None, *, page: PageRequest, lean: bool = False) -> None:
        super().__init__(user, page=page)
        self._kind: type[Any] = LeanMessageRow if lean else MessageRow

    def most_rows(self, keys: list[int]) -> int:
        return len(keys) * (self.page.limit + 1)

    def question(self, keys: list[int]) -> tuple[Statement, Arrays]:
        page = self.page
        lowest = int(page.after[0]) if page.after else 0
        highest = int(page.before[0]) if page.before else 2**63 - 1
        return self._statements[self._kind, page.backwards], (keys, [lowest], [highest], [page.limit + 1])

    def values_of(self, keys: list[int], rows: list[tuple[Any, ...]]) -> list[list[AnyMessageRow]]:
        found: dict[int, list[AnyMessageRow]] = {pk: [] for pk in keys}
        for message in rows_of(self._kind, rows):
            found[message.room_id].append(message)
        return [found[pk] for pk in keys]
