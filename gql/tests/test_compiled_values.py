"""How values, lists, errors and nulls are completed, with graphql-core as the judge."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLError,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLObjectType,
    GraphQLString,
    parse,
)

from gql.compiled import OperationPlan, execute_plan
from gql.tests.oracle import UNAWAITED, Outcome, forget_core, same
from gql.tests.small_schemas import FAILING, Colour, Even, giving, list_of, required, schema_of, tree

forget_core = pytest.fixture(autouse=True, scope="module")(forget_core)
pytestmark = UNAWAITED


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (GraphQLString, "text"),
        (GraphQLString, 7),
        (GraphQLString, {"no": "text"}),
        (GraphQLString, None),
        (GraphQLString, ValueError("no text")),
        (required(GraphQLString), None),
        (required(GraphQLString), ValueError("no text")),
        (GraphQLInt, 2**31 - 1),
        (GraphQLInt, 2**31),
        (GraphQLInt, True),
        (GraphQLInt, 2.5),
        (GraphQLBoolean, 1),
        (GraphQLID, 12),
        (GraphQLID, True),
        (Colour, "r"),
        (Colour, "x"),
        (Colour, ["not", "hashable"]),
        (required(Colour), "x"),
        (Even, 2),
        (Even, 3),
        (GraphQLString, GraphQLError("told as it is", extensions={"code": "X"})),
        (list_of(GraphQLInt), [1, None, 3]),
        (list_of(GraphQLInt), (1, "x", ValueError("an item"))),
        (list_of(required(GraphQLInt)), [1, None, 3]),
        (required(list_of(required(GraphQLInt))), [1, None, 3]),
        (list_of(GraphQLInt), "text is no list"),
        (list_of(GraphQLInt), {"nor": "a dictionary"}),
        (list_of(GraphQLInt), 5),
        (list_of(GraphQLInt), {1}),
        (list_of(GraphQLInt), []),
        (list_of(list_of(GraphQLInt)), [[1], [], None, [None, 2]]),
        (list_of(required(list_of(GraphQLInt))), [[1], None]),
        (list_of(required(list_of(required(GraphQLInt)))), [[1], [2, None]]),
        (list_of(list_of(required(GraphQLInt))), [[1], [2, None], 3]),
        (list_of(list_of(required(Colour))), [["r"], ["x", "y"], ["g"]]),
    ],
)
async def test_values_are_completed_as_their_type_says(type_, value, asynchronous):
    schema = schema_of(before=giving(GraphQLInt, 1), it=giving(type_, value, asynchronous))

    await same(schema, "{ before it again: it }")


async def test_lists_may_hold_awaitables_and_be_iterators_or_asynchronous():
    async def late(value: Any) -> Any:
        await asyncio.sleep(0)
        if isinstance(value, Exception):
            raise value
        return value

    def items(_parent: Any, _info: Any) -> Any:
        return [1, late(2), late(None), late(ValueError("late"))]

    def generate(_parent: Any, _info: Any) -> Any:
        yield from (1, 2)

    def break_off(_parent: Any, _info: Any) -> Any:
        yield 1
        raise ValueError("broken off")

    async def stream(_parent: Any, _info: Any) -> Any:
        yield 1
        yield None

    schema = schema_of(
        items=GraphQLField(list_of(GraphQLInt), resolve=items),
        required=GraphQLField(list_of(required(GraphQLInt)), resolve=lambda *_: [late(1), late(None)]),
        generated=GraphQLField(list_of(GraphQLInt), resolve=generate),
        broken=GraphQLField(list_of(GraphQLInt), resolve=break_off),
        streamed=GraphQLField(list_of(GraphQLInt), resolve=stream),
    )

    got = await same(schema, "{ items required generated broken streamed }")

    assert got.data == (
        b'{"items":[1,2,null,null],"required":null,"generated":[1,2],"broken":null,"streamed":[1,null]}'
    )


@pytest.mark.parametrize(
    "query",
    [
        "{ node { ok fails } }",
        "{ node { ok breaks } }",
        "{ node { fails breaks ok } }",
        "{ node { breaks fails ok } }",
        "{ node { ok child { breaks } ok2: ok } }",
        "{ node { ok must { breaks } } must { ok } }",
        "{ must { must { empty } } node { ok } }",
        "{ node { list { ok fails } } }",
        "{ node { list { breaks } } }",
        "{ node { strict { breaks } } }",
        "{ node { strict { empty ok } ok } }",
        "{ node { ok strictest { must { breaks } } child { ok } } }",
        "{ node { must { must { breaks } } breaks } }",
        "{ node { breaks must { breaks } } }",
        "{ node { list { strict { list { breaks } } } } }",
        "{ node { list { strict { fails must { empty } } } } }",
        "{ node { child { fails } breaks } other: node { child { fails } } }",
    ],
)
async def test_a_null_goes_up_to_the_nearest_place_that_may_be_null(query):
    await same(tree(**FAILING), query)


async def test_a_null_at_the_root_is_the_whole_data():
    got = await same(tree(**FAILING), "{ node { ok } must { breaks } }")

    assert got.data == b"null"
    assert [path for _, path, _ in got.errors] == [("must", "breaks")]


async def test_errors_keep_what_they_are_made_of():
    cause = ValueError("cause")
    schema = schema_of(it=giving(GraphQLInt, cause))
    document = parse("{ it }")

    result = await execute_plan(OperationPlan(schema, document, document.definitions[0]))

    assert result.errors[0].original_error is cause
    assert result.errors[0].nodes == [document.definitions[0].selection_set.selections[0]]


async def test_default_resolvers_read_attributes_and_entries_and_call_what_they_find():
    def greet(_info: Any, name: str) -> str:
        return f"Hello {name}"

    row = GraphQLObjectType(
        "Row",
        {
            "a": GraphQLField(GraphQLString),
            "greet": GraphQLField(GraphQLString, args={"name": GraphQLArgument(GraphQLString)}),
        },
    )
    rows = [{"a": "1", "greet": greet}, SimpleNamespace(a="2", greet=greet), SimpleNamespace(), {"a": greet}]
    schema = schema_of(rows=giving(list_of(row), rows))

    await same(schema, '{ rows { a greet(name: "Ada") } }')


async def test_outcomes_tell_the_order_of_keys_apart():
    assert Outcome(b'{"a":1,"b":2}', ()) != Outcome(b'{"b":2,"a":1}', ())
