"""Queries, mutations and subscription events as a whole on a small schema, with graphql-core as the judge."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInt,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    parse,
)

from gql.compiled import OperationPlan, execute_plan
from gql.tests.oracle import UNAWAITED, forget_core, same
from gql.tests.small_schemas import giving, list_of, required, schema_of, tree

forget_core = pytest.fixture(autouse=True, scope="module")(forget_core)
pytestmark = UNAWAITED


async def test_info_has_what_graphql_core_gives():
    def tell(_parent: Any, info: Any, **_: Any) -> str:
        return repr(
            (
                info.field_name,
                [node.alias and node.alias.value for node in info.field_nodes],
                str(info.return_type),
                info.parent_type.name,
                info.path.as_list(),
                [info.path.typename, info.path.prev and info.path.prev.typename],
                info.schema is schema,
                sorted(info.fragments),
                info.root_value,
                info.operation.name.value,
                info.variable_values,
                type(info.context).__name__,
                info.is_awaitable(asyncio.sleep(0).close()),
            )
        )

    schema = tree(tell=GraphQLField(list_of(GraphQLString), resolve=lambda *given: [tell(*given)]))

    await same(
        schema,
        """query Q($v: Boolean! = true) { node { tell list { ...F strict { x: tell @include(if: $v) } } } }
           fragment F on Node { tell child { tell } }""",
        root="the root",
    )


def _counting_mutation(log: list[str]) -> GraphQLObjectType:
    def step(name: str, error: Exception | None = None, sleeps: int = 0) -> Any:
        async def resolve(_parent: Any, _info: Any) -> Any:
            log.append(f"{name} begins")
            for _ in range(sleeps):
                await asyncio.sleep(0)
            log.append(f"{name} ends")
            if error is not None:
                raise error
            return SimpleNamespace()

        return resolve

    async def after(_parent: Any, _info: Any) -> int:
        log.append("child")
        return 1

    done = GraphQLObjectType("Done", {"child": GraphQLField(GraphQLInt, resolve=after)})
    return GraphQLObjectType(
        "Mutation",
        {
            "slow": GraphQLField(done, resolve=step("slow", sleeps=3)),
            "quick": GraphQLField(required(done), resolve=step("quick")),
            "fails": GraphQLField(done, resolve=step("fails", ValueError("fails"))),
            "breaks": GraphQLField(required(done), resolve=step("breaks", ValueError("breaks"))),
        },
    )


async def test_root_fields_of_a_mutation_run_one_after_the_other_with_all_that_hangs_on_them():
    log: list[str] = []
    schema = schema_of(_counting_mutation(log))

    await same(schema, "mutation { slow { child } fails { child } quick { child } }")

    once = [
        "slow begins",
        "slow ends",
        "child",
        "fails begins",
        "fails ends",
        "quick begins",
        "quick ends",
        "child",
    ]
    assert log == once * 2


async def test_a_mutation_ends_with_the_error_that_makes_everything_null():
    log: list[str] = []
    schema = schema_of(_counting_mutation(log))

    got = await same(schema, "mutation { quick { child } breaks { child } slow { child } }")

    assert got.data == b"null"
    assert log.count("slow begins") == 0


async def test_a_subscription_event_is_the_root_of_a_run():
    subscription = GraphQLObjectType(
        "Subscription", {"tick": GraphQLField(GraphQLInt, resolve=lambda event, _info: event)}
    )
    schema = GraphQLSchema(
        GraphQLObjectType("Query", {"ok": GraphQLField(GraphQLInt)}), subscription=subscription
    )

    got = await same(schema, "subscription { now: tick }", root=5)

    assert got.data == b'{"now":5}'


async def test_an_operation_is_chosen_by_its_name():
    schema = schema_of(a=giving(GraphQLInt, 1), b=giving(GraphQLInt, 2))

    got = await same(schema, "query A { a } query B { b }", operation_name="B")

    assert got.data == b'{"b":2}'


async def test_a_cancelled_operation_cancels_what_it_waits_for():
    cancelled: list[str] = []

    async def wait(_parent: Any, _info: Any) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append("resolver")
            raise

    schema = schema_of(wait=GraphQLField(GraphQLInt, resolve=wait))
    document = parse("{ wait other: wait }")
    plan = OperationPlan(schema, document, document.definitions[0])

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await execute_plan(plan)

    assert cancelled == ["resolver", "resolver"]
