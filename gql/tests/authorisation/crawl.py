"""Every way through the schema that begins with a list: what one comes to without knowing a single id."""

from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    is_leaf_type,
)

from gql.tests.authorisation.operations import Operation, leaves, operations

MAX_STEPS = 9  # edges and nodes count: a room's message's author's name lies 8 below the list of rooms
ROWS = 12  # more than the world has of anything that is listed


def list_queries() -> list[Operation]:
    """The queries that need no id."""
    own: dict[str, str] = {}
    return [one for one in operations("query") if not _needs_id(one, own)]


def _needs_id(operation: Operation, own: dict[str, str]) -> bool:
    sent = operation.variables({}, own)
    return any(one.path[0] in sent for one in operation.id_arguments())


def ways() -> Iterator[tuple[Operation, str]]:
    """(query, document): one for each path through object types, each type at most once on it, with all its leaves."""
    for operation in list_queries():
        variables = operation.field.args
        declared = ", ".join(f"${name}: {argument.type}" for name, argument in variables.items())
        passed = ", ".join([*(f"{name}: ${name}" for name in variables if name not in ("first", "limit"))])
        rows = next((f"{name}: {ROWS}" for name in ("first", "limit") if name in variables), "")
        arguments = ", ".join(part for part in (passed, rows) if part)
        declared = ", ".join(
            part for part in declared.split(", ") if not part.startswith(("$first:", "$limit:"))
        )
        for below in _below(operation.field.type, ()):
            head = f"({declared})" if declared else ""
            call = f"{operation.name}({arguments})" if arguments else operation.name
            yield operation, f"query{head} {{ {call} {below} }}"


def _below(type_: Any, passed: tuple[str, ...]) -> Iterator[str]:
    """Selections of the type: its leaves, and then each way on."""
    named = get_named_type(type_)
    if is_leaf_type(named):
        yield ""
        return
    yield leaves(named)
    if len(passed) >= MAX_STEPS or named.name in passed:
        return
    if isinstance(named, GraphQLUnionType):
        for member in named.types:
            for below in _below(member, (*passed, named.name)):
                yield f"{{ ... on {member.name} {below} }}"
        return
    assert isinstance(named, GraphQLObjectType)
    for name, field in named.fields.items():
        if not is_leaf_type(get_named_type(field.type)) and _needs_nothing(field):
            rows = f"(first: {ROWS})" if "first" in field.args else ""
            for below in _below(field.type, (*passed, named.name)):
                yield f"{{ {name}{rows} {below} }}"


def _needs_nothing(field: GraphQLField) -> bool:
    return not any(
        isinstance(argument.type, GraphQLNonNull) and argument.default_value is Undefined
        for argument in field.args.values()
    )


def objects_in(value: Any) -> Iterator[tuple[str, str]]:
    """(type's name in lower case, id) of every object in the data of a response."""
    if isinstance(value, list):
        for one in value:
            yield from objects_in(one)
    elif isinstance(value, dict):
        if "id" in value and "__typename" in value:
            yield value["__typename"].lower(), value["id"]
        for key, one in value.items():
            if key.endswith("_id") and "__typename" in value:  # of a member of a union
                yield key.removesuffix("_id").lower(), one
            yield from objects_in(one)
