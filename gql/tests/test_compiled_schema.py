"""Random queries over the real schema and a tenant's data, with loaders that fail; and the SQL that lists take."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import get_named_type, get_operation_ast, is_composite_type, parse, validate
from hypothesis import assume, given
from hypothesis import strategies as st

from chat.access.authentication import Caller
from chat.models import User
from gql.compiled import OperationPlan, execute_plan
from gql.context import Context
from gql.schema import schema
from gql.tests.authorisation.world import World, build_world
from gql.tests.oracle import UNAWAITED, forget_core, same_but_for_timing
from gql.tests.random_queries import queries, relaxed
from gql.tests.statements import recorded_statements
from gql.tests.test_dataloaders import answers, collections, rooms  # noqa: F401  # fixtures
from rag.tests.embedders import ScriptedEmbedder

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # Other threads, such as the connection pool's, use it while a query is drawn.
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
    *UNAWAITED,
]
forget_core = pytest.fixture(autouse=True, scope="module")(forget_core)

GRAPHQL = schema.graphql_schema
IDS = {
    ("Query", "room"): "room",
    ("Query", "message"): "message",
    ("Query", "document"): "document",
    ("Query", "answer"): "answer",
    ("Query", "user"): "user",
}
PAGES = ("", "(first: 2)", "(first: -1)", '(after: "no cursor")', "(first: $few)")
ARGUMENTS = {
    **{key: (f"(id: ${name})", '(id: "0")', '(id: "no id")') for key, name in IDS.items()},
    **{("Query", name): PAGES for name in ("rooms", "collections", "documents")},
    ("Query", "users"): ("", "(limit: 1)", "(limit: $few)", '(cursor: "no cursor")'),
    ("Query", "search"): ('(query: "plan")', '(query: "", first: $few)'),
    ("Query", "similaritySearch"): ('(query: "pump")', '(query: "pump", topK: 0)'),
    ("Query", "usage"): ("", '(from: "2026-01-02", to: "2026-01-01")'),
    ("Room", "members"): PAGES,
    ("Room", "messages"): (*PAGES, "(last: 1)", "(last: 2, first: 2)"),
}
DECLARED = {"few": "Int = 1", **{name: "ID!" for name in IDS.values()}}
# Presence is asked of Redis and changes by itself; who is signed in elsewhere is no matter of executors.
SKIPPED = frozenset({("User", "presence")})


class FailingContext(Context):
    """Loaders whose names the seed picks fail, for all their keys."""

    seed = 0

    def _loader(self, loader: Any, options: dict[str, Any]) -> Any:
        found = super()._loader(loader, options)
        if self.seed and sum(loader.__name__.encode()) % 11 == self.seed % 11:

            async def fail(keys: list[Any]) -> list[Any]:
                raise RuntimeError(f"{loader.__name__} fails")

            found.find = fail  # type: ignore[method-assign]  # of this one loader
        return found


def _context(user: User | None, seed: int = 0) -> Context:
    context = FailingContext(None if user is None else Caller(user))
    context.seed = seed
    return context


@pytest.fixture
def world(db, settings, tmp_path, monkeypatch) -> World:
    settings.RATE_LIMITS = False
    folder = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = settings.STORAGES | {"default": folder}
    monkeypatch.setattr("rag.embeddings.configuration.configured_embedder", ScriptedEmbedder)
    return build_world()


def _variables(world: World) -> dict[str, str]:
    names = {"room": "private", "message": "in private", "document": "private", "answer": "", "user": "olga"}
    return {
        kind: world.objects[kind].get(name) or next(iter(world.objects[kind].values()))
        for kind, name in names.items()
    }


def test_random_queries_give_what_graphql_core_gives(world):
    @relaxed(30)
    @given(
        query=queries(
            GRAPHQL,
            depth=6,
            arguments=ARGUMENTS,
            skipped=SKIPPED,
            declared=DECLARED,
            variables=_variables(world),
        ),
        who=st.sampled_from(["olga", "gil", "root", "nobody"]),
        seed=st.sampled_from([0, 0, *range(1, 12)]),
    )
    def check(query, who, seed):
        assume(not validate(GRAPHQL, parse(query.text)))
        runner.run(
            same_but_for_timing(
                GRAPHQL,
                query.text,
                variables=query.variables,
                context=lambda: _context(world.people.get(who), seed),
            )
        )

    with asyncio.Runner() as runner:
        check()


ROOM = "rooms(first: $n) { edges { node { %s } } }"
# Where objects of a type are found, one for each of the rooms, collections or documents that are asked for.
WHERE = {
    "Room": ROOM,
    "Membership": ROOM % "members(first: 1) { edges { node { %s } } }",
    "User": ROOM % "members(first: 1) { edges { node { user { %s } } } }",
    "Message": ROOM % "messages(first: 1) { edges { node { %s } } }",
    "Answer": ROOM % "messages { edges { node { answer { %s } } } }",
    "Passage": ROOM % "messages { edges { node { answer { passages { %s } } } } }",
    "Collection": "collections(first: $n) { edges { node { %s } } }",
    "Document": "documents(first: $n) { edges { node { %s } } }",
}


def _fields_that_may_load() -> list[tuple[str, str]]:
    """(type, field with all below it) for every field that has a resolver of its own."""
    found: list[tuple[str, str]] = []
    for name in WHERE:
        for field_name, field in getattr(GRAPHQL.type_map[name], "fields", {}).items():
            named = get_named_type(field.type)
            below = "{ __typename }" if is_composite_type(named) else ""
            if named.name.endswith("Connection"):
                below = "{ edges { cursor node { __typename } } pageInfo { endCursor } totalCount }"
            found.append((name, f"{field_name} {below}".strip()))
    return found


@pytest.fixture
def statements(monkeypatch) -> Iterator[list[str]]:
    """The SQL of all threads, and of the event loop."""
    with recorded_statements(monkeypatch) as sent:
        yield sent


async def test_no_field_takes_more_statements_for_more_parents(ada, answers, statements):  # noqa: F811
    more = []
    for type_name, field in _fields_that_may_load():
        document = parse("query ($n: Int!) { %s }" % (WHERE[type_name] % field))  # noqa: UP031
        assert validate(GRAPHQL, document) == []
        operation = get_operation_ast(document)
        assert operation is not None
        plan = OperationPlan(GRAPHQL, document, operation)
        taken = []
        for count in (1, 3):
            statements.clear()
            result = await execute_plan(plan, context=_context(ada), variables={"n": count})
            assert result.errors is None, (type_name, field, result.errors)
            taken.append(len(statements))
        if taken[0] != taken[1]:
            more.append((type_name, field, taken))

    assert more == []


async def test_rooms_with_messages_and_their_authors_are_three_statements(ada, answers, statements):  # noqa: F811
    document = parse(
        "{ rooms { edges { node { id messages { edges { node { id text author { username } } } } } } } }"
    )
    plan = OperationPlan(GRAPHQL, document, document.definitions[0])

    result = await execute_plan(plan, context=_context(ada))

    assert len(result.data["rooms"]["edges"]) == 3
    assert len(statements) == 3
