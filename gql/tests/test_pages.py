"""Every list of the schema, page by page: by keyset and never by OFFSET, counted only when that is asked for."""

import re
from collections.abc import Callable

import pytest
from graphql import GraphQLObjectType, get_named_type

from chat import actions
from chat.database import run_in_db
from chat.models import Membership, Room, User
from gql.schema import schema
from gql.tests.statements import recorded_statements
from rag.actions import create_collection
from rag.actions.texts import add_text
from rag.tests.embedders import ScriptedEmbedder

pytestmark = pytest.mark.django_db(transaction=True)

# Each list: how it is asked for, and what identifies its nodes. `%s` is where the page's arguments go.
LISTS = {
    "Query.users": ("{ users(%s) { PAGE } }", "username"),
    "Query.rooms": ("{ rooms(%s) { PAGE } }", "id"),
    "Query.collections": ("{ collections(%s) { PAGE } }", "id"),
    "Query.documents": ("{ documents(%s) { PAGE } }", "id"),
    "Query.search": (
        '{ search(query: "turbine", %s) { PAGE } }',
        "... on Message { text author { username } room { name } }",
    ),
    "Room.members": ("{ room(id: ROOM) { members(%s) { PAGE } } }", "user { id }"),
    "Room.messages": ("{ room(id: ROOM) { messages(%s) { PAGE } } }", "id"),
}
COUNTED = sorted(LISTS.keys() - {"Query.search"})  # a search has no `totalCount`


@pytest.fixture(autouse=True)
def _rows_in_every_list(ada, grace, guest, general, monkeypatch) -> None:
    monkeypatch.setattr("rag.embeddings.configuration.configured_embedder", ScriptedEmbedder)
    for n in range(3):
        room = Room.objects.create(name=f"room {n}", kind="public")
        Membership.objects.create(room=room, user=ada)
        actions.post_message(ada, room_id=general.pk, text=f"turbine {n}")
        collection = create_collection(ada, name=f"collection {n}", everyone=True)
        add_text(ada, collection_id=collection.pk, source=str(n), title="same title", text=f"A pump, {n}.")
        Membership.objects.create(room=general, user=User.objects.create_user(f"person{n}"))


@pytest.fixture
def statements(monkeypatch) -> Callable[[], object]:
    """A context manager that gives the list of SQL statements sent inside of it."""
    return lambda: recorded_statements(monkeypatch)


def _query(name: str, room: Room, arguments: str, *, total: bool = False) -> str:
    template, node = LISTS[name]
    page = f"pageInfo {{ hasNextPage endCursor }} edges {{ cursor node {{ {node} }} }}"
    if name == "Query.users":
        arguments = arguments.replace("first", "limit").replace("after", "cursor")
    asked = template.replace("PAGE", page + (" totalCount" if total else "")).replace("ROOM", f'"{room.pk}"')
    return asked.replace("%s", arguments)


async def _page(client, query: str) -> dict:
    data = await client.data(query)
    while "edges" not in data:
        [data] = data.values()
    return data


def test_every_list_of_the_schema_is_tried_here():
    lists = {
        f"{kind.name}.{name}"
        for kind in schema.graphql_schema.type_map.values()
        if isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items()
        if get_named_type(field.type).name.endswith("Connection")
    }
    assert lists == set(LISTS)


@pytest.mark.parametrize("name", LISTS)
async def test_pages_of_one_give_each_node_once_and_read_no_offset(name, as_user, ada, general, statements):
    client = as_user(ada)
    whole = await _page(client, _query(name, general, "first: 100"))

    read, arguments = [], "first: 1"
    with statements() as executed:
        while True:
            page = await _page(client, _query(name, general, arguments))
            read += page["edges"]
            if not page["pageInfo"]["hasNextPage"]:
                break
            arguments = f'first: 1, after: "{page["pageInfo"]["endCursor"]}"'

    assert len(whole["edges"]) >= 3 and not whole["pageInfo"]["hasNextPage"]
    assert read == whole["edges"]
    paging = [sql for sql in executed if re.search(r"\boffset\s+[1-9%$(]", sql, re.IGNORECASE)]
    assert executed and paging == []


@pytest.mark.parametrize("name", COUNTED)
async def test_a_list_is_counted_only_when_that_is_asked_for(name, as_user, ada, general, statements):
    client = as_user(ada)
    await client.data("{ me { id } }")  # signs in

    with statements() as plain:
        page = await _page(client, _query(name, general, "first: 2"))
    with statements() as counted:
        counted_page = await _page(client, _query(name, general, "first: 2", total=True))

    whole = await _page(client, _query(name, general, "first: 100"))
    assert counted_page.pop("totalCount") == len(whole["edges"])
    assert counted_page == page
    counts = [[sql for sql in one if "count(" in sql.lower()] for one in (plain, counted)]
    assert counts[0] == [] and len(counts[1]) == 1
    assert len(counted) == len(plain) + 1


@pytest.mark.parametrize("name", LISTS)
async def test_a_long_page_takes_as_many_statements_as_a_short_one(name, as_user, ada, general, statements):
    client = as_user(ada)
    await client.data("{ me { id } }")  # signs in

    with statements() as short:
        await _page(client, _query(name, general, "first: 1"))
    with statements() as long:
        page = await _page(client, _query(name, general, "first: 100"))

    assert len(page["edges"]) >= 3
    assert 1 <= len(short) == len(long)


async def test_rows_that_come_before_a_page_do_not_move_it(as_user, ada, general):
    client = as_user(ada)
    whole = await _page(client, _query("Query.collections", general, "first: 100"))
    first = await _page(client, _query("Query.collections", general, "first: 1"))

    await run_in_db(create_collection, ada, name="a new one, in front")
    after = f'first: 100, after: "{first["pageInfo"]["endCursor"]}"'
    rest = await _page(client, _query("Query.collections", general, after))

    assert first["edges"] + rest["edges"] == whole["edges"]
