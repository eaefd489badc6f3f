"""Random operations over a small schema whose resolvers fail at random, with graphql-core as the judge.

Whether and how a resolver fails follows from the seed and the place of its object, so both executors meet the same.
"""

import asyncio
from random import Random
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    parse,
    validate,
)
from hypothesis import assume, given
from hypothesis import strategies as st

from gql.loading.batching import batched
from gql.tests.oracle import UNAWAITED, BatchingContext, forget_core, same, same_but_for_timing
from gql.tests.random_queries import queries, relaxed

forget_core = pytest.fixture(autouse=True, scope="module")(forget_core)
pytestmark = UNAWAITED

Colour = GraphQLEnumType("Colour", {"RED": "r", "GREEN": "g"})


class Thing:
    """An object that knows its place; `kind` is the name of its type."""

    def __init__(self, path: str, seed: int) -> None:
        self.path = path
        self.seed = seed
        self.kind = Random(f"{seed} {path} kind").choice(["A", "B"])

    def __repr__(self) -> str:
        return f"Thing({self.path})"


def _value(parent: Thing, name: str, make: Any, number: int, trouble: float) -> Any:
    """The value of a field; with the probability `trouble` it is None, an error or of no use."""
    path = f"{parent.path}.{name}({number})"
    random = Random(f"{parent.seed} {path}")
    if random.random() < trouble:
        match random.choice(["none", "raise", "return", "useless"]):
            case "none":
                return None
            case "raise":
                raise ValueError(f"raised at {path}")
            case "return":
                return KeyError(f"returned at {path}")
            case _:
                return {"of no use"}
    return make(random, path, parent.seed)


def _things(random: Random, path: str, seed: int) -> Any:
    return [
        None if random.random() < 0.1 else Thing(f"{path}{number}", seed)
        for number in range(random.randrange(4))
    ]


def _lists(random: Random, path: str, seed: int) -> Any:
    return [_things(random, f"{path}{number}.", seed) for number in range(random.randrange(3))]


MAKERS = {
    "text": (GraphQLString, lambda random, *_: random.choice(["", "words", 7])),
    "number": (GraphQLInt, lambda random, *_: random.choice([0, 1, True] * 9 + [2**31])),
    "ratio": (GraphQLFloat, lambda random, *_: random.choice([0.5, 1] * 9 + [float("nan")])),
    "id": (GraphQLID, lambda random, *_: random.choice([1, "a"])),
    "flag": (GraphQLBoolean, lambda random, *_: random.choice([True, False, 1])),
    "colour": (Colour, lambda random, *_: random.choice(["r", "g"] * 9 + ["blue"])),
    "words": (GraphQLList(GraphQLString), lambda random, *_: ["a", "b", None][: random.randrange(4)]),
    "exact": (
        GraphQLList(GraphQLNonNull(GraphQLInt)),
        lambda random, *_: [1, None, 2] if random.random() < 0.2 else [1],
    ),
}


def _resolver(how: str, name: str, make: Any, trouble: float) -> Any:
    def resolve(parent: Any, _info: Any, number: int = 0) -> Any:
        return _value(parent, name, make, number, trouble)

    async def resolve_later(parent: Any, info: Any, number: int = 0) -> Any:
        await asyncio.sleep(0)
        return resolve(parent, info, number)

    def resolve_all(parents: list[Any], info: Any, number: int = 0) -> list[Any]:
        values: list[Any] = []
        for parent in parents:
            try:
                values.append(resolve(parent, info, number))
            except ValueError as error:
                values.append(error)
        return values

    if how == "batched":
        return batched(resolve_all)
    return resolve_later if how == "later" else resolve


def _schema(hows: tuple[str, ...], trouble: float) -> GraphQLSchema:
    def field(type_: Any, name: str, make: Any) -> GraphQLField:
        how = hows[len(name) % len(hows)]
        arguments = {"number": GraphQLArgument(GraphQLInt, default_value=0)}
        return GraphQLField(type_, args=arguments, resolve=_resolver(how, name, make, trouble))

    def both(name: str, type_: Any, make: Any) -> dict[str, GraphQLField]:
        must = f"must{name.title()}"
        return {name: field(type_, name, make), must: field(GraphQLNonNull(type_), must, make)}

    def fields() -> dict[str, GraphQLField]:
        found: dict[str, GraphQLField] = {}
        for name, (type_, make) in MAKERS.items():
            found |= both(name, type_, make)

        def thing(_random: Random, path: str, seed: int) -> Thing:
            return Thing(path, seed)

        for name, type_ in (("a", a), ("node", node), ("either", either)):
            found |= both(name, type_, thing)
        found |= both("list", GraphQLList(node), _things)
        found |= both("strict", GraphQLList(GraphQLNonNull(either)), _things)
        found |= both("lists", GraphQLList(GraphQLNonNull(GraphQLList(a))), _lists)
        return found

    def is_a(kind: str) -> Any:
        return lambda thing, _info: getattr(thing, "kind", "") == kind

    node = GraphQLInterfaceType("Node", fields)
    a: GraphQLObjectType = GraphQLObjectType("A", fields, [node], is_type_of=is_a("A"))
    b: GraphQLObjectType = GraphQLObjectType("B", fields, [node], is_type_of=is_a("B"))
    either = GraphQLUnionType("Either", [a, b])
    return GraphQLSchema(GraphQLObjectType("Query", fields), types=[a, b])


AT_ONCE = _schema(("now",), 0.04)
AWAITED = _schema(("later", "batched"), 0.04)
MIXED = _schema(("now", "later", "batched"), 0.02)
NAMES = ("Query", "A", "B", "Node")
ARGUMENTS = {
    (type_, name): ("", "(number: 1)", "(number: $number)")
    for type_ in NAMES
    for name in getattr(AT_ONCE.type_map["A"], "fields", {})
}


def _operations(schema: GraphQLSchema) -> Any:
    return queries(schema, arguments=ARGUMENTS, declared={"number": "Int = 3"}, variables={"number": 2})


@relaxed(80)
@given(operation=_operations(AT_ONCE), seed=st.integers(0, 10**6))
def test_plain_resolvers_that_fail_give_exactly_what_graphql_core_gives(operation, seed):
    assume(not validate(AT_ONCE, parse(operation.text)))

    asyncio.run(same(AT_ONCE, operation.text, variables=operation.variables, root=Thing("", seed)))


@pytest.mark.parametrize("schema", [AWAITED, MIXED], ids=["awaited", "mixed"])
def test_resolvers_that_await_give_what_graphql_core_gives_but_for_timing(schema):
    @relaxed(40)
    @given(operation=_operations(schema), seed=st.integers(0, 10**6))
    def check(operation, seed):
        assume(not validate(schema, parse(operation.text)))

        asyncio.run(
            same_but_for_timing(
                schema,
                operation.text,
                variables=operation.variables,
                root=Thing("", seed),
                context=BatchingContext,
            )
        )

    check()
