"""Each loader takes one query for all its keys, and gives values in the order of the keys."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.actions import add_reaction, post_message
from chat.database import run_in_db
from chat.models import Membership, Message, Room, User
from gql.lists.connections import PageRequest
from gql.loading import row_loaders
from gql.loading.dataloaders import DatabaseLoader, PagesByRoom
from rag.models import (
    Answer,
    AnswerPassage,
    Chunk,
    Collection,
    CollectionShare,
    Document,
    PromptTemplate,
)
from rag.tests.library import make_collection

pytestmark = pytest.mark.django_db(transaction=True)

ABSENT = 987654
NAMES = ["a", "b", "c"]


@pytest.fixture
def rooms(ada, grace) -> list[Room]:
    """Three, each with two members and a message by Ada that has a reply and reactions."""
    found = []
    for name in NAMES:
        room = Room.objects.create(name=name, kind=Room.Kind.PRIVATE)
        for user in (ada, grace):
            Membership.objects.create(room=room, user=user)
        message = post_message(ada, room_id=room.pk, text="@grace hello")
        Message.objects.filter(pk=post_message(ada, room_id=room.pk, text="again").pk).update(parent=message)
        add_reaction(ada, message_id=message.pk, emoji="🎉")
        add_reaction(grace, message_id=message.pk, emoji="👍")
        found.append(room)
    return found


@pytest.fixture
def collections(ada, rooms) -> list[Collection]:
    """Three, each shared with a room and with a document of one chunk."""
    found = []
    for room in rooms:
        found.append(make_collection(ada, room.name, f"The pump of {room.name}."))
        CollectionShare.objects.create(collection=found[-1], room=room)
    return found


@pytest.fixture
def answers(ada, parley, collections) -> list[Answer]:
    """One to the first message of each room, from the chunk of the room's collection."""
    found = []
    for number, collection in enumerate(collections, 1):
        question = Message.objects.get(room__collections=collection, parent=None)
        prompt = PromptTemplate.objects.create(version=number, persona="", rules="")
        reply = Message.objects.get(parent=question)
        answer = Answer.objects.create(
            question=question, message=reply, assistant=parley, asked_by=ada, prompt=prompt
        )
        chunk = Chunk.objects.get(document__collection=collection)
        AnswerPassage.objects.create(answer=answer, chunk=chunk, rank=1, score=0.5, text_sha256="0" * 64)
        found.append(answer)
    return found


def names(values: list) -> list[list[str]]:
    return [[row.name for row in value] for value in values]


def ids(rows) -> list[int]:
    return [row.pk for row in rows]


def questions() -> list[Message]:
    return list(Message.objects.filter(parent=None).order_by("pk"))


# Loader: its keys, what is compared of a value, what it gives for the three, and for an absent key.
CASES: dict[str, tuple[Any, Any, Any, Any]] = {
    "UserById": (lambda: ids(User.objects.order_by("pk")), ids, lambda keys: keys, None),
    "AuthorById": (lambda: ids(User.objects.order_by("pk")), ids, lambda keys: keys, None),
    "RoomById": (lambda: ids(Room.objects.order_by("pk")), ids, lambda keys: keys, None),
    "MessageById": (lambda: ids(questions()), ids, lambda keys: keys, None),
    "CollectionById": (lambda: ids(Collection.objects.order_by("pk")), ids, lambda keys: keys, None),
    "DocumentById": (lambda: ids(Document.objects.order_by("pk")), ids, lambda keys: keys, None),
    "PromptVersionById": (
        lambda: ids(PromptTemplate.objects.order_by("version")), list, lambda keys: [1, 2, 3], None,
    ),
    "AnswerByMessage": (
        lambda: [answer.message_id for answer in Answer.objects.order_by("pk")],
        lambda values: [value.message_id for value in values],
        lambda keys: keys,
        None,
    ),
    "OwnReactionsByMessage": (
        lambda: ids(questions()), list, lambda keys: [{"👍"}, {"👍"}, {"👍"}], set(),
    ),
    "NewsByRoom": (lambda: ids(Room.objects.order_by("pk")), list, lambda keys: [(2, 1)] * 3, (0, 0)),
    "MessageCountByRoom": (lambda: ids(Room.objects.order_by("pk")), list, lambda keys: [2] * 3, 0),
    "MemberCountByRoom": (lambda: ids(Room.objects.order_by("pk")), list, lambda keys: [2] * 3, 0),
    "ReplyCountByMessage": (lambda: ids(questions()), list, lambda keys: [1] * 3, 0),
    "DocumentCountByCollection": (
        lambda: ids(Collection.objects.order_by("pk")), list, lambda keys: [1] * 3, 0,
    ),
    "MessagesByRoom": (
        lambda: ids(Room.objects.order_by("pk")),
        lambda values: [[(row.room_id, row.text) for row in value] for value in values],
        lambda keys: [[(key, "@grace hello"), (key, "again")] for key in keys],
        [],
    ),
    "MembersByRoom": (
        lambda: ids(Room.objects.order_by("pk")),
        lambda values: [[(row.room_id, row.username) for row in value] for value in values],
        lambda keys: [[(key, "ada"), (key, "grace")] for key in keys],
        [],
    ),
    "RoomsByCollection": (
        lambda: ids(Collection.objects.order_by("pk")), names, lambda keys: [["a"], ["b"], ["c"]], [],
    ),
    "PassagesByAnswer": (
        lambda: ids(Answer.objects.order_by("pk")),
        lambda values: [[passage.text for passage in value] for value in values],
        lambda keys: [[f"The pump of {name}."] for name in NAMES],
        [],
    ),
}  # fmt: skip


def loaders(base: type[Any] = DatabaseLoader) -> dict[str, type[Any]]:
    """Those that are a question, by their names, and not only a way to ask one."""
    below = {name: kind for child in base.__subclasses__() for name, kind in loaders(child).items()}
    return below or {base.__name__: base}


def test_every_loader_has_its_case_here():
    assert loaders().keys() == set(CASES)


def of_rows() -> list[str]:
    return [name for name, kind in loaders().items() if issubclass(kind, row_loaders.RowLoader)]


def made(name: str, user: User) -> Any:
    kind = loaders()[name]
    return kind(user, page=PageRequest()) if issubclass(kind, PagesByRoom) else kind(user)


@pytest.mark.parametrize("name", CASES)
async def test_a_loader_takes_one_query_for_three_keys_and_keeps_their_order(name, grace, answers):
    find_keys, compared, expected, empty = CASES[name]
    loader = made(name, grace)

    def read() -> None:
        keys = find_keys()
        assert len(keys) == 3
        with CaptureQueriesContext(connection) as queries:
            values = loader.read([keys[2], ABSENT, keys[0], keys[1]])
            got = compared([values[2], values[3], values[0]])

        assert got == expected(keys)
        assert values[1] == empty
        assert len(queries) == 1

    await run_in_db(read)


@pytest.mark.parametrize("name", of_rows())
async def test_rows_are_the_same_by_the_event_loop_and_by_a_thread_for_many(
    name, grace, answers, monkeypatch
):
    find_keys, compared, expected, _ = CASES[name]
    keys = await run_in_db(find_keys)
    few = await made(name, grace).load_each(keys)
    monkeypatch.setattr(row_loaders, "LOOP_ROWS_MAX", 2)
    monkeypatch.setattr(row_loaders, "current_loop_database", None)

    assert await made(name, grace).load_each(keys) == few
    assert compared(few) == expected(keys)
