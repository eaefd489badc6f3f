"""What fields cost, declared beside them and written into the schema. Pure.

An object costs 1, a value nothing, and a field what `costs` says on top. The terms, and the directives in the snapshot
of the schema, are those of IBM's GraphQL Cost Directives (ibm.github.io/graphql-specs/cost-spec.html).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import graphene
from graphene.types.definitions import GrapheneObjectType
from graphql import (
    DirectiveLocation,
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLDirective,
    GraphQLField,
    GraphQLInt,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    get_named_type,
    is_composite_type,
)

PAGE_ARGUMENTS = ("first", "last", "limit", "topK")
DEFAULT_ROWS = 20
MAX_ROWS = 100  # what pages hold at most, whatever is asked
PLAIN_LIST_ROWS = 5  # citations, passages and the like have no page argument
_SCHEMA_ROWS = {"types": 80, "fields": 5, "directives": 5, "args": 2}  # lists that introspection reads
_EXTENSION = "cost"


@dataclass(frozen=True, slots=True)
class ListSize:
    """How long a field's list is taken to be: the largest of the `arguments` that are given, `assumed` if none is.

    `sized` names the fields of the field's own type that have that length: the `edges` of a connection. None: the
    field's own value has.
    """

    assumed: int = PLAIN_LIST_ROWS
    arguments: tuple[str, ...] = ()
    sized: str | None = None


@dataclass(frozen=True, slots=True)
class FieldCost:
    """`complexity` is what the field costs by itself, once; `size` is None for what is no list."""

    complexity: int = 0
    size: ListSize | None = None


def costs(
    field: Any,
    *,
    complexity: int = 0,
    list_size: tuple[str, ...] | None = None,
    assumed_size: int | None = None,
) -> Any:
    """A graphene field with a declared cost. Write it around the field: `costs(graphene.Field(...), complexity=100)`.

    `complexity` is charged for each time the field is resolved, on top of 1 for each object it gives. `list_size` names
    the arguments that say how many that are, and `assumed_size` how many without them; both are guessed for pages and
    lists (see `cost_of`).
    """
    mounted = field if isinstance(field, graphene.Field) else graphene.Field.mounted(field)
    mounted.declared_cost = (complexity, list_size, assumed_size)
    return mounted


def cost_of(field: GraphQLField | None) -> FieldCost:
    """The cost of a field of a schema that `attach_costs` went through; that of a single value for None."""
    known = field.extensions.get(_EXTENSION) if field is not None else None
    return known if isinstance(known, FieldCost) else FieldCost()


def object_cost(kind: GraphQLNamedType | None) -> int:
    """What each object of a type costs: 1, or nothing for the parts of a page and for values."""
    if kind is None or not is_composite_type(kind):
        return 0
    return 0 if kind.name == "PageInfo" or kind.name.endswith("Edge") else 1


def attach_costs(schema: GraphQLSchema) -> None:
    """Put the cost of each field where `cost_of` finds it."""
    for kind in schema.type_map.values():
        if not isinstance(kind, GraphQLObjectType):
            continue
        declared = dict(_declarations(kind))
        for name, field in kind.fields.items():
            guessed = _guess(kind, name, field)
            complexity, arguments, assumed = declared.get(name, (0, None, None))
            size = guessed.size
            if arguments is not None or assumed is not None:
                size = replace(
                    size or ListSize(),
                    arguments=(size.arguments if size else ()) if arguments is None else arguments,
                    assumed=(size.assumed if size else DEFAULT_ROWS) if assumed is None else assumed,
                )
            field.extensions[_EXTENSION] = FieldCost(complexity, size)


def _declarations(kind: GraphQLObjectType) -> Iterator[tuple[str, Any]]:
    if not isinstance(kind, GrapheneObjectType):
        return
    names = {field: name for name, field in _names(kind)}
    for name, field in kind.graphene_type._meta.fields.items():
        if hasattr(field, "declared_cost"):
            yield names[name], field.declared_cost


def _names(kind: GrapheneObjectType) -> Iterator[tuple[str, str]]:
    """Names in the schema with those in Python: graphene keeps the order."""
    yield from zip(kind.fields, kind.graphene_type._meta.fields, strict=True)


def _guess(parent: GraphQLObjectType, name: str, field: GraphQLField) -> FieldCost:
    kind = get_named_type(field.type)
    pages = tuple(argument for argument in PAGE_ARGUMENTS if argument in field.args)
    defaults = [field.args[page].default_value for page in pages]
    assumed = next((value for value in defaults if isinstance(value, int)), DEFAULT_ROWS)
    if kind.name.endswith("Connection"):
        return FieldCost(0, ListSize(assumed, pages, sized="edges"))
    if not _is_list(field) or not is_composite_type(kind):
        return FieldCost()
    if parent.name.endswith("Connection"):
        return FieldCost()  # counted where the page is asked for
    if pages:
        return FieldCost(0, ListSize(assumed, pages))
    return FieldCost(
        0, ListSize(_SCHEMA_ROWS.get(name, 1) if parent.name.startswith("__") else PLAIN_LIST_ROWS)
    )


def _is_list(field: GraphQLField) -> bool:
    kind = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    return isinstance(kind, GraphQLList)


COST_DIRECTIVE = GraphQLDirective(
    "cost",
    [DirectiveLocation.FIELD_DEFINITION, DirectiveLocation.OBJECT],
    {"weight": GraphQLArgument(GraphQLNonNull(GraphQLString), description="A number of points.")},
    description=(
        "What each object of the type costs, 1 where nothing is said; what the field costs by itself, nothing where"
        " nothing is said. What a request may cost is in docs/protocols.md."
    ),
)
LIST_SIZE_DIRECTIVE = GraphQLDirective(
    "listSize",
    [DirectiveLocation.FIELD_DEFINITION],
    {
        "assumedSize": GraphQLArgument(GraphQLInt, description="Where no slicing argument is given."),
        "slicingArguments": GraphQLArgument(
            GraphQLList(GraphQLNonNull(GraphQLString)), description="Arguments that say how many there are."
        ),
        "sizedFields": GraphQLArgument(
            GraphQLList(GraphQLNonNull(GraphQLString)), description="Fields of the value that are the list."
        ),
        "requireOneSlicingArgument": GraphQLArgument(
            GraphQLBoolean,
            default_value=True,
            description="Whether one of the slicing arguments must be given.",
        ),
    },
    description=(
        "How many objects a list is taken to have before it is read: the largest of the slicing arguments, at most"
        f" {MAX_ROWS}, and the assumed size where none is given. The sized fields below are as long."
    ),
)
