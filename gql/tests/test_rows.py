"""Rows read as the models do in whose place they stand."""

from datetime import UTC, datetime

import pytest

from chat.actions import add_reaction, post_message
from chat.database import run_in_db
from chat.models import Message, User
from gql.lists.connections import PageRequest
from gql.loading.row_loaders import AuthorById, MessagesByRoom
from gql.loading.rows import LEAN_FIELDS, LeanMessageRow, MessageRow, PersonRow, columns_of
from gql.schema import schema
from gql.tests.statements import recorded_statements

pytestmark = pytest.mark.django_db(transaction=True)
LEAN = """messages(first: 5) { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor
    node { __typename id roomId kind status text version createdAt replyCount author {
        id username displayName isBot } } } }"""


@pytest.fixture
async def messages(ada, grace, general) -> list[Message]:
    plain = await run_in_db(post_message, ada, room_id=general.pk, text="**hello**")
    changed = await run_in_db(post_message, grace, room_id=general.pk, text="again")
    await run_in_db(add_reaction, ada, message_id=changed.pk, emoji="🎉")
    edited_at = datetime(2026, 3, 29, 1, 59, 59, 120_000, tzinfo=UTC)
    deleted_at = datetime(2026, 3, 29, 2, 0, tzinfo=UTC)
    await Message.objects.filter(pk=changed.pk).aupdate(edited_at=edited_at, deleted_at=deleted_at)
    return [await Message.objects.aget(pk=message.pk) for message in (plain, changed)]


def read(row: object, columns: list[str]) -> dict[str, object]:
    return {name: getattr(row, name) for name in ("pk", *columns)}


async def test_a_row_of_a_message_reads_as_the_message_does(ada, general, messages):
    [rows] = await MessagesByRoom(ada, page=PageRequest()).load_each([general.pk])

    columns = [column.attname for column in Message._meta.concrete_fields]
    assert [read(row, columns) for row in rows] == [read(message, columns) for message in messages]


async def test_a_lean_row_has_some_of_the_columns_and_reads_alike(ada, general, messages):
    [rows] = await MessagesByRoom(ada, page=PageRequest(), lean=True).load_each([general.pk])

    columns = [name.removesuffix("_text") for name in LeanMessageRow._fields]
    assert [read(row, columns) for row in rows] == [read(message, columns) for message in messages]
    assert set(LeanMessageRow._fields) < set(MessageRow._fields)


async def test_a_row_of_a_person_reads_as_the_account_does(ada, grace):
    await User.objects.filter(pk=grace.pk).aupdate(last_seen_at=datetime(2026, 3, 29, tzinfo=UTC))

    rows = await AuthorById(ada).load_each([ada.pk, grace.pk])

    columns = [name.removesuffix("_text") for name in PersonRow._fields]
    people = [await User.objects.aget(pk=user.pk) for user in (ada, grace)]
    assert [read(row, columns) for row in rows] == [read(person, columns) for person in people]


async def test_fields_that_lean_rows_have_are_the_same_of_lean_and_of_whole_rows(
    as_user, ada, general, messages, monkeypatch
):
    client = as_user(ada)
    answers, statements = [], []
    for more in ("", "html"):
        query = LEAN.replace("text version", f"text {more} version")
        with recorded_statements(monkeypatch) as sent:
            answers.append(await client.data(f'{{ room(id: "{general.pk}") {{ {query} }} }}'))
        statements.append([sql for sql in sent if "from chat_message as message" in sql])

    lean, whole = answers
    for edge in whole["room"]["messages"]["edges"]:
        assert edge["node"].pop("html") is not None
    assert lean == whole
    assert [
        columns_of(kind) in sql for kind, [sql] in zip((LeanMessageRow, MessageRow), statements, strict=True)
    ]
    assert [len(found) for found in statements] == [1, 1]


def test_what_lean_rows_are_read_for_are_fields_of_the_schema_that_the_test_above_asks_for():
    types = schema.graphql_schema.type_map
    known = {
        name
        for kind in ("MessageConnection", "MessageEdge", "PageInfo", "Message", "User")
        for name in types[kind].fields
    }
    assert known >= LEAN_FIELDS - {"__typename"}
    assert {word for word in LEAN.replace("{", " ").replace("}", " ").split()} >= LEAN_FIELDS
