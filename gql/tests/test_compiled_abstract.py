"""Interfaces, unions and introspection on a small schema, with graphql-core as the judge."""

import asyncio
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    get_introspection_query,
)

from gql.tests.oracle import UNAWAITED, forget_core, same, same_but_for_timing
from gql.tests.small_schemas import FAILING, giving, list_of, required

forget_core = pytest.fixture(autouse=True, scope="module")(forget_core)
pytestmark = UNAWAITED


class Cat:
    name = "Tom"


class Dog:
    name = "Rex"


class Fish:
    name = "Wanda"


def _pets(pets: list[Any], asynchronous: bool = False, resolve_type: Any = None) -> GraphQLSchema:
    def is_a(class_: type) -> Any:
        def check(value: Any, _info: Any) -> Any:
            if getattr(value, "name", "") == "bad":
                raise ValueError("a bad pet")
            return isinstance(value, class_)

        async def check_later(value: Any, info: Any) -> Any:
            await asyncio.sleep(0)
            return check(value, info)

        return check_later if asynchronous else check

    named = GraphQLInterfaceType(
        "Named",
        {"name": GraphQLField(GraphQLString), "ok": GraphQLField(GraphQLInt)},
        resolve_type=resolve_type,
    )
    ok = {"name": GraphQLField(GraphQLString), "ok": giving(required(GraphQLInt), 1)}
    cat = GraphQLObjectType("Cat", {**ok, "lives": giving(GraphQLInt, 9)}, [named], is_a(Cat))
    dog = GraphQLObjectType("Dog", {**ok, "breaks": FAILING["breaks"]}, [named], is_a(Dog))
    pet = GraphQLUnionType("Pet", [cat, dog], resolve_type=resolve_type)
    fields = {
        "pets": giving(list_of(pet), pets),
        "strict": giving(list_of(required(pet)), pets),
        "named": giving(list_of(named), pets),
        "first": giving(pet, pets[0]),
        "cats": giving(list_of(cat), pets),
    }
    return GraphQLSchema(GraphQLObjectType("Query", fields), types=[cat, dog])


class Bad:
    name = "bad"


ABSTRACT = """{
  pets { __typename ... on Cat { lives } ... on Dog { name } ...N }
  named { name ok kind: __typename ... on Dog { breaks } }
  first { ...N }
  strict { ... on Dog { breaks } }
  cats { lives }
}
fragment N on Named { name }"""


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    "pets",
    [
        [Cat(), Dog(), Cat(), None],
        [Cat(), Fish(), Dog()],
        [Bad(), Cat()],
        [{"__typename": "Dog", "name": "Rex"}, Cat()],
        [{"__typename": "Query"}, {"__typename": "Nobody"}, {"__typename": "Int"}],
        [ValueError("a pet"), Cat()],
    ],
)
async def test_abstract_types_find_the_type_of_each_value(pets, asynchronous):
    await (same_but_for_timing if asynchronous else same)(_pets(pets, asynchronous), ABSTRACT)


@pytest.mark.parametrize("told", ["Cat", "Nobody", 7, None, ValueError("cannot tell")])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_resolve_type_tells_the_type_and_may_fail(told, asynchronous):
    def resolve_type(*_: Any) -> Any:
        return _raise(told) if isinstance(told, Exception) else told

    async def resolve_later(*_: Any) -> Any:
        return resolve_type()

    schema = _pets([Cat(), Dog()], resolve_type=resolve_later if asynchronous else resolve_type)

    await (same_but_for_timing if asynchronous else same)(schema, ABSTRACT)


def _raise(error: Exception) -> Any:
    raise error


async def test_introspection_is_that_of_graphql_core():
    schema = _pets([Cat()])

    await same(schema, get_introspection_query(input_value_deprecation=True, schema_description=True))
    await same(
        schema, '{ __type(name: "Cat") { name fields { name type { kind ofType { name } } } } n: __typename }'
    )
    await same(schema, '{ __type(name: "Nobody") { name } __schema { types { kind } } }')
