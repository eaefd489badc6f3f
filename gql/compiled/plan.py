"""What a compiled operation is made of. Plans are values: they say what to do and keep nothing of a run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    GraphQLAbstractType,
    GraphQLError,
    GraphQLField,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
)

# All values of a column at once, or None where a value needs a closer look (see `leaves`).
SerializeColumn = Callable[[list[Any], set[type]], list[Any] | None]


@dataclass(slots=True, eq=False)
class LeafPlan:
    """Values of a scalar or an enumeration."""

    nullable: bool
    type: GraphQLLeafType
    serialize: SerializeColumn


@dataclass(slots=True, eq=False)
class ListPlan:
    """Lists; `item` says how what is in them is completed."""

    nullable: bool
    item: "ValuePlan"


@dataclass(slots=True, eq=False)
class ObjectPlan:
    """Objects of one type. `selection` is compiled when the first of them arrives."""

    nullable: bool
    type: GraphQLObjectType
    selection: "SelectionPlan | None" = None


@dataclass(slots=True, eq=False)
class AbstractPlan:
    """Objects of several types. `selections` has one for each type name that turned up."""

    nullable: bool
    type: GraphQLAbstractType
    selections: dict[str, "SelectionPlan"] = field(default_factory=dict)


ValuePlan = LeafPlan | ListPlan | ObjectPlan | AbstractPlan


REQUIRED = object()  # in place of a default: an attribute that is missing is an error


@dataclass(frozen=True, slots=True, eq=False)
class ReadAttribute:
    """The resolver only reads an attribute (or, with `of_dicts`, an entry of parents that are dictionaries)."""

    name: str
    default: Any
    of_dicts: bool


@dataclass(frozen=True, slots=True, eq=False)
class CallBatch:
    """The resolver is `@batched`: it takes all parents at once."""

    function: Callable[..., Any]


@dataclass(frozen=True, slots=True, eq=False)
class CallEach:
    """The resolver is called for one parent after the other."""

    function: Callable[..., Any]


Resolver = ReadAttribute | CallBatch | CallEach


@dataclass(slots=True, eq=False)
class FieldPlan:
    """A field of a selection, after merging.

    `index` is its place in the selection. `arguments` are set where they are the same in every run; else they are
    coerced in each. `names_below` are the names of all fields below it, once a resolver has asked for them.
    """

    key: str
    index: int
    nodes: list[FieldNode]
    definition: GraphQLField
    parent_type: GraphQLObjectType
    resolver: Resolver
    arguments: dict[str, Any] | None
    value: ValuePlan
    names_below: frozenset[str] | None = None

    @property
    def name(self) -> str:
        return self.nodes[0].name.value

    @property
    def return_type(self) -> GraphQLOutputType:
        return self.definition.type


@dataclass(slots=True, eq=False)
class SelectionPlan:
    """What is asked of objects of one type.

    `template` has every key of the result in its order, with the value of `__typename` and None for the others.
    `accepts` tells by their class whether objects are of the type (None: its `is_type_of` decides, if there is one).
    A selection that cannot be collected has a `problem`, which is the error of each of its objects.
    """

    object_type: GraphQLObjectType
    template: dict[str, Any]
    fields: tuple[FieldPlan, ...]
    accepts: dict[type, bool] | None
    problem: GraphQLError | None = None
