"""Small schemas for tests of execution: fields that give a value or an error, and trees of them."""

import asyncio
from types import SimpleNamespace
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
)

Colour = GraphQLEnumType("Colour", {"RED": "r", "GREEN": "g"})


Even = GraphQLScalarType("Even", serialize=lambda value: value if value % 2 == 0 else fail("odd"))


def fail(message: str) -> Any:
    raise ValueError(message)


def schema_of(mutation: GraphQLObjectType | None = None, **fields: Any) -> GraphQLSchema:
    return GraphQLSchema(
        GraphQLObjectType("Query", fields or {"ok": GraphQLField(GraphQLString)}), mutation=mutation
    )


def giving(type_: Any, value: Any, asynchronous: bool = False) -> GraphQLField:
    """A field with a value; an exception is raised."""

    def resolve(_parent: Any, _info: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    async def resolve_later(parent: Any, info: Any) -> Any:
        await asyncio.sleep(0)
        return resolve(parent, info)

    return GraphQLField(type_, resolve=resolve_later if asynchronous else resolve)


def required(type_: Any) -> Any:
    return GraphQLNonNull(type_)


def list_of(type_: Any) -> Any:
    return GraphQLList(type_)


def tree(**leaves: Any) -> GraphQLSchema:
    """Query.node -> Node, with `leaves` as fields, nullable and required children and lists of them."""

    def child(*_: Any) -> Any:
        return SimpleNamespace()

    def children(*_: Any) -> Any:
        return [SimpleNamespace(), SimpleNamespace()]

    node: GraphQLObjectType = GraphQLObjectType(
        "Node",
        lambda: {
            **leaves,
            "child": GraphQLField(node, resolve=child),
            "must": GraphQLField(required(node), resolve=child),
            "list": GraphQLField(list_of(node), resolve=children),
            "strict": GraphQLField(list_of(required(node)), resolve=children),
            "strictest": GraphQLField(required(list_of(required(node))), resolve=children),
        },
    )
    return schema_of(node=GraphQLField(node, resolve=child), must=GraphQLField(required(node), resolve=child))


FAILING = {
    "ok": giving(GraphQLInt, 1),
    "fails": giving(GraphQLInt, ValueError("fails")),
    "breaks": giving(required(GraphQLInt), ValueError("breaks")),
    "empty": giving(required(GraphQLInt), None),
}
