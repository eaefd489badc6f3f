"""Batched resolvers on a small schema, with graphql-core as the judge."""

import asyncio
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLInt,
    GraphQLSchema,
    parse,
)

from gql.compiled import OperationPlan, execute_plan
from gql.loading.batching import batched
from gql.tests.oracle import UNAWAITED, BatchingContext, forget_core, same
from gql.tests.small_schemas import fail, giving, required, tree

forget_core = pytest.fixture(autouse=True, scope="module")(forget_core)
pytestmark = UNAWAITED


def _batching(function: Any) -> GraphQLSchema:
    return tree(
        ok=giving(GraphQLInt, 1),
        loaded=GraphQLField(GraphQLInt, args={"n": GraphQLArgument(GraphQLInt)}, resolve=batched(function)),
        needed=GraphQLField(required(GraphQLInt), resolve=batched(function)),
    )


async def test_a_batched_resolver_is_called_once_for_all_parents_of_a_level():
    calls: list[int] = []

    async def load(parents: list[Any], info: Any, n: int = 0) -> list[int]:
        calls.append(len(parents))
        await asyncio.sleep(0)
        return list(range(len(parents)))

    got = await same(
        _batching(load), "{ node { list { strict { list { loaded(n: 1) a: loaded(n: 2) } } } } }"
    )

    assert calls == [8] * 4
    assert b'"loaded":7,"a":7' in got.data


async def test_a_batched_resolver_that_several_fields_ask_alike_is_called_once():
    calls: list[int] = []

    def load(parents: list[Any], info: Any, n: int = 0) -> list[int]:
        calls.append(len(parents))
        return [n] * len(parents)

    await same(
        _batching(load), "{ node { list { loaded(n: 1) } strict { x: loaded(n: 1) other: loaded(n: 2) } } }"
    )

    assert sorted(calls) == [2, 2, 4, 4]


@pytest.mark.parametrize("field", ["loaded", "needed"])
@pytest.mark.parametrize(
    "give",
    [
        lambda parents: [1, None, ValueError("one"), "x"][: len(parents)],
        lambda parents: fail("all"),
        lambda parents: [GraphQLError("told")] * len(parents),
        lambda parents: tuple(range(len(parents))),
    ],
)
async def test_a_batched_resolver_fails_for_one_parent_or_for_all(give, field):
    async def load(parents: list[Any], info: Any) -> Any:
        return give(parents)

    await same(_batching(load), "{ node { list { list { ok FIELD } } } }".replace("FIELD", field))


async def test_a_batched_resolver_must_give_one_value_for_each_parent():
    def load(parents: list[Any], info: Any) -> list[int]:
        return [1]

    schema = _batching(load)
    document = parse("{ node { list { loaded } } }")

    result = await execute_plan(
        OperationPlan(schema, document, document.definitions[0]), context=BatchingContext()
    )

    assert result.data == {"node": {"list": [{"loaded": None}, {"loaded": None}]}}
    assert "must give a list of 2 values" in result.errors[0].message
