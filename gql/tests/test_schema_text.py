"""What the schema says of itself: everything is described, and what goes away says until when."""

import re
from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
)

from gql.schema import schema

# `@deprecated(reason: "Use X. Kept until 2027-06-30.")`, see docs/protocols.md.
DATED = re.compile(r"\bKept until 20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])\.$")


def _parts(of: GraphQLSchema) -> Iterator[tuple[str, Any]]:
    """Everything in the schema that can have a description, by its coordinate, introspection left out."""
    for name, kind in of.type_map.items():
        if name.startswith("__"):
            continue
        yield name, kind
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{value}", one) for value, one in kind.values.items())
        elif isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{name}.{field}", one) for field, one in kind.fields.items())
        elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field, one in kind.fields.items():
                yield f"{name}.{field}", one
                yield from ((f"{name}.{field}({argument}:)", value) for argument, value in one.args.items())
    for directive in of.directives:
        yield f"@{directive.name}", directive
        yield from ((f"@{directive.name}({name}:)", value) for name, value in directive.args.items())


def undescribed(of: GraphQLSchema) -> list[str]:
    return [coordinate for coordinate, part in _parts(of) if not (part.description or "").strip()]


def undated_deprecations(of: GraphQLSchema) -> list[str]:
    return [
        coordinate
        for coordinate, part in _parts(of)
        if getattr(part, "deprecation_reason", None) is not None and not DATED.search(part.deprecation_reason)
    ]


def test_every_type_field_argument_and_value_has_a_description():
    assert undescribed(schema.graphql_schema) == []


def test_the_walk_finds_what_is_not_described():
    found = undescribed(
        build_schema('''
            """What can be read."""
            type Query { bare(argument: Int): Int  "Said." said("Given." given: Input): Colour }
            input Input { value: Int }
            enum Colour { RED }
        ''')
    )
    assert found == ["Query.bare", "Query.bare(argument:)", "Input", "Input.value", "Colour", "Colour.RED"]


def test_every_deprecation_says_what_to_use_and_until_when_it_is_kept():
    assert undated_deprecations(schema.graphql_schema) == []


def test_the_walk_finds_a_deprecation_without_a_date():
    found = undated_deprecations(
        build_schema("""
            type Query {
                a: Int @deprecated
                b: Int @deprecated(reason: "Use a. Kept until 2027-06-30.")
                c(d: Int @deprecated(reason: "Kept until 2027-13-01.")): Colour
            }
            enum Colour { RED @deprecated(reason: "Use GREEN.") }
        """)
    )
    assert found == ["Query.a", "Query.c(d:)", "Colour.RED"]
