"""Dataloaders: one class per question, one query for all its keys, values in the order of the keys.

A loader belongs to one operation (`gql.context.Context`). It trusts its keys: they come from rows the caller may
see, so what hangs on them (a message's author, a room's messages) is his or hers to see, too. Where that does not
follow, the loader takes the caller into its query.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar, cast

from django.db.models import Count, Field, ForeignObject, Lookup, Model

from chat.database import run_in_db
from chat.live.presence import current_presence
from chat.models import Membership, Message, Reaction, Room, User
from chat.selectors import rooms_readable_by, users_visible_to
from chat.unread import with_unread
from gql.lists.connections import PageRequest
from gql.loading.loader import Loader
from rag.answering.served import served_passage, with_chunks
from rag.models import Answer, AnswerPassage, Collection, CollectionShare, Document, PromptTemplate
from rag.retrieval.passages import Passage
from rag.selectors import collections_readable_by

K = TypeVar("K")
V = TypeVar("V")
M = TypeVar("M", bound=Model)
R = TypeVar("R")


@ForeignObject.register_lookup
@Field.register_lookup
class EqualsAny(Lookup):
    """`column__any_of=[...]` as `column = ANY(array)`: one plan whatever the number of keys, unlike IN."""

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} = ANY(%s)", (*parameters, list(cast(Iterable[Any], self.rhs)))


class DatabaseLoader(Loader[K, V], Generic[K, V]):
    """A loader whose `read` runs in a database thread. `user` is the caller, None when nobody is signed in."""

    def __init__(self, user: User | None) -> None:
        super().__init__()
        self.user = user

    def read(self, keys: list[K]) -> Sequence[V]:
        """The values of the keys, in their order, by one query."""
        raise NotImplementedError

    async def find(self, keys: list[K]) -> Sequence[V]:
        return await run_in_db(self.read, keys)


def _by_id(model: type[M], ids: list[int]) -> list[M | None]:
    found = {row.pk: row for row in model._default_manager.filter(pk__any_of=ids)}
    return [found.get(pk) for pk in ids]


def _hidden(person: User) -> User:
    """What a guest gets of a person outside his or her rooms: an id. See docs/security.md."""
    return User(pk=person.pk, username="hidden", display_name="Hidden")


def visible_ids(viewer: User | None, ids: list[int]) -> set[int]:
    """Of these ids, those of people the viewer sees; for all but guests every one, also of people who left."""
    if viewer is None or not viewer.is_guest:
        return set(ids)
    return set(users_visible_to(viewer).filter(pk__any_of=ids).values_list("pk", flat=True))


class UserById(DatabaseLoader[int, User | None]):
    """People; to a guest those outside his or her rooms are `hidden`, as who owns a collection may be."""

    def read(self, keys: list[int]) -> list[User | None]:
        visible = visible_ids(self.user, keys)
        people = _by_id(User, keys)
        return [person if person is None or person.pk in visible else _hidden(person) for person in people]


class PresenceByUser(Loader[int, str]):
    """ "online" for a user with a live connection anywhere, "idle" if he or she did nothing for long, else "offline",
    also for whom a guest does not see.

    Asks Redis, and the database for guests only.
    """

    def __init__(self, user: User | None) -> None:
        super().__init__()
        self.user = user

    async def find(self, keys: list[int]) -> list[str]:
        states = await current_presence().states_of(keys)
        if self.user is not None and self.user.is_guest:
            visible = await run_in_db(visible_ids, self.user, keys)
            return [state if pk in visible else "offline" for pk, state in zip(keys, states, strict=True)]
        return states


class RoomById(DatabaseLoader[int, Room | None]):
    def read(self, keys: list[int]) -> list[Room | None]:
        return _by_id(Room, keys)


class MessageById(DatabaseLoader[int, Message | None]):
    def read(self, keys: list[int]) -> list[Message | None]:
        return _by_id(Message, keys)


class CollectionById(DatabaseLoader[int, Collection | None]):
    def read(self, keys: list[int]) -> list[Collection | None]:
        return _by_id(Collection, keys)


class DocumentById(DatabaseLoader[int, Document | None]):
    def read(self, keys: list[int]) -> list[Document | None]:
        return _by_id(Document, keys)


class PromptVersionById(DatabaseLoader[int, int | None]):
    def read(self, keys: list[int]) -> list[int | None]:
        found = dict(PromptTemplate.objects.filter(pk__any_of=keys).values_list("pk", "version"))
        return [found.get(pk) for pk in keys]


class AnswerByMessage(DatabaseLoader[int, Answer | None]):
    """The answer a message holds; None for any other message."""

    def read(self, keys: list[int]) -> list[Answer | None]:
        found = {answer.message_id: answer for answer in Answer.objects.filter(message_id__any_of=keys)}
        return [found.get(pk) for pk in keys]


class OwnReactionsByMessage(DatabaseLoader[int, set[str]]):
    """The emoji that the caller reacted with."""

    def read(self, keys: list[int]) -> list[set[str]]:
        found: dict[int, set[str]] = {pk: set() for pk in keys}
        rows = Reaction.objects.filter(message_id__any_of=keys, user=self.user)
        for message_id, emoji in rows.values_list("message_id", "emoji"):
            found[message_id].add(emoji)
        return [found[pk] for pk in keys]


class NewsByRoom(DatabaseLoader[int, tuple[int, int]]):
    """(unread messages, those of them that mention the caller); (0, 0) where the caller is no member."""

    def read(self, keys: list[int]) -> list[tuple[int, int]]:
        rooms = with_unread(Room.objects.filter(pk__any_of=keys), self.user)
        found = {
            pk: (unread, named) for pk, unread, named in rooms.values_list("pk", "unread", "mention_count")
        }
        return [found.get(pk, (0, 0)) for pk in keys]


def _counts(rows: Any, column: str, keys: list[int]) -> list[int]:
    found = dict(
        rows.filter(**{f"{column}__any_of": keys}).order_by().values_list(column).annotate(Count("pk"))
    )
    return [found.get(pk, 0) for pk in keys]


class MessageCountByRoom(DatabaseLoader[int, int]):
    def read(self, keys: list[int]) -> list[int]:
        return _counts(Message.objects, "room_id", keys)


class MemberCountByRoom(DatabaseLoader[int, int]):
    def read(self, keys: list[int]) -> list[int]:
        return _counts(Membership.objects.filter(user__is_active=True), "room_id", keys)


class ReplyCountByMessage(DatabaseLoader[int, int]):
    def read(self, keys: list[int]) -> list[int]:
        return _counts(Message.objects.filter(deleted_at=None), "parent_id", keys)


class DocumentCountByCollection(DatabaseLoader[int, int]):
    def read(self, keys: list[int]) -> list[int]:
        return _counts(Document.objects, "collection_id", keys)


class PagesByRoom(DatabaseLoader[int, list[R]], Generic[R]):
    """A page of rows for each room, as `cut_page` wants them: up to `limit + 1`, in the order of reading."""

    def __init__(self, user: User | None, *, page: PageRequest) -> None:
        super().__init__(user)
        self.page = page


_MEMBERS_SQL = """
    SELECT found.* FROM unnest(%s::bigint[]) AS wanted(room_id) CROSS JOIN LATERAL (
        SELECT s.*, u.username FROM chat_membership AS s JOIN chat_user AS u ON u.id = s.user_id
        WHERE s.room_id = wanted.room_id AND u.is_active AND u.username > %s
        ORDER BY u.username LIMIT %s) AS found
    ORDER BY found.room_id, found.username"""


class MembersByRoom(PagesByRoom[Membership]):
    """Active members by user name; each row carries its `username` for the cursor."""

    def read(self, keys: list[int]) -> list[list[Membership]]:
        after = self.page.after[0] if self.page.after else ""
        found: dict[int, list[Membership]] = {pk: [] for pk in keys}
        for membership in Membership.objects.raw(_MEMBERS_SQL, [keys, after, self.page.limit + 1]):
            found[membership.room_id].append(membership)
        return [found[pk] for pk in keys]


class RoomsByCollection(DatabaseLoader[int, list[Room]]):
    """Rooms a collection is shared with, as far as the caller may read them, by name."""

    def read(self, keys: list[int]) -> list[list[Room]]:
        found: dict[int, list[Room]] = {pk: [] for pk in keys}
        if self.user is not None:
            shares = CollectionShare.objects.filter(
                collection_id__any_of=keys, room__in=rooms_readable_by(self.user)
            ).select_related("room")
            for share in shares.order_by("room__name", "room_id"):
                found[share.collection_id].append(share.room)
        return [found[pk] for pk in keys]


class PassagesByAnswer(DatabaseLoader[int, list[Passage]]):
    """Passages an answer was written from, best first: those that still exist and that the caller may read today."""

    def read(self, keys: list[int]) -> list[list[Passage]]:
        found: dict[int, list[Passage]] = {pk: [] for pk in keys}
        if self.user is not None:
            served = AnswerPassage.objects.filter(
                answer_id__any_of=keys, chunk__document__collection__in=collections_readable_by(self.user)
            ).select_related("chunk__document")
            for row in with_chunks(served.order_by("answer_id", "rank")):
                found[row.answer_id].append(served_passage(row))
        return [found[pk] for pk in keys]
