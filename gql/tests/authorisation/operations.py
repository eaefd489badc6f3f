"""The schema's operations as requests: what each takes and selects is read from the schema, so that new ones come by
themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    is_leaf_type,
)

from gql.schema import schema
from gql.tests.authorisation.world import ABSENT, SECRET

# Which kind of object an argument of this name gives the id of. `id` is of what its field returns.
KIND_OF_ARGUMENT = {
    "roomId": "room",
    "roomIds": "room",
    "userId": "user",
    "memberIds": "user",
    "messageId": "message",
    "parentId": "message",
    "collectionId": "collection",
    "collectionIds": "collection",
    "documentId": "document",
    "answerId": "answer",
    "attachmentIds": "attachment",
}
# Ids that clients choose themselves: they name nothing that is anybody else's.
CHOSEN_BY_CLIENTS = ("clientId",)
# Values of required arguments whose type alone does not say what will do.
SAMPLES: dict[str, Any] = {
    "emoji": "👍",
    "kind": "PRIVATE",
    "query": SECRET,
    "role": "MEMBER",
    "url": "https://example.org/",
    "username": "newcomer",
}
UPLOAD = object()  # stands for a file in variables

ROOTS = {
    "query": schema.graphql_schema.query_type,
    "mutation": schema.graphql_schema.mutation_type,
    "subscription": schema.graphql_schema.subscription_type,
}


@dataclass(frozen=True)
class IdArgument:
    """An argument that takes an id: `path` leads to it through input objects, such as ("input", "roomId")."""

    path: tuple[str, ...]
    kind: str
    is_list: bool

    def __str__(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True)
class Operation:
    """A field of a root type."""

    root: str
    name: str
    field: GraphQLField

    def __str__(self) -> str:
        return f"{self.root} {self.name}"

    @property
    def text(self) -> str:
        """The document: every argument is a variable of its name, every leaf of the result is selected."""
        declared = ", ".join(f"${name}: {argument.type}" for name, argument in self.field.args.items())
        passed = ", ".join(f"{name}: ${name}" for name in self.field.args)
        heads = (f"({declared})", f"({passed})") if declared else ("", "")
        return f"{self.root}{heads[0]} {{ {self.name}{heads[1]} {leaves(self.field.type)} }}"

    def id_arguments(self) -> list[IdArgument]:
        return list(self._walk((), {name: argument.type for name, argument in self.field.args.items()}))

    def _walk(self, path: tuple[str, ...], types: dict[str, GraphQLInputType]) -> Iterator[IdArgument]:
        for name, type_ in types.items():
            named = get_named_type(type_)
            if isinstance(named, GraphQLInputObjectType):
                yield from self._walk((*path, name), {key: value.type for key, value in named.fields.items()})
            elif named.name == "ID" or (name.endswith(("Id", "Ids")) and name not in CHOSEN_BY_CLIENTS):
                yield IdArgument((*path, name), self._kind(name), _is_list(type_))

    def _kind(self, name: str) -> str:
        if name == "id":
            return get_named_type(self.field.type).name.lower()
        assert name in KIND_OF_ARGUMENT, (
            f"{self}: of which kind of object is the argument {name} the id? Say it in"
            " gql/tests/authorisation/operations.py, KIND_OF_ARGUMENT (or CHOSEN_BY_CLIENTS)."
        )
        return KIND_OF_ARGUMENT[name]

    def variables(self, ids: dict[IdArgument, str], own: dict[str, str]) -> dict[str, Any]:
        """Values for `ids` and for what else is required: ids of one's `own` objects (by kind), samples otherwise."""
        given = {one.path: [value] if one.is_list else value for one, value in ids.items()}
        kinds = {one.path: one for one in self.id_arguments()}
        return {
            name: value
            for name, argument in self.field.args.items()
            if (value := _value((name,), argument, given, kinds, own)) is not Undefined
        }


def _is_list(type_: Any) -> bool:
    while isinstance(type_, GraphQLNonNull):
        type_ = type_.of_type
    return isinstance(type_, GraphQLList)


def _value(path: tuple[str, ...], slot: Any, given: Any, kinds: Any, own: dict[str, str]) -> Any:
    """What to send in an argument or input field; Undefined for nothing."""
    if path in given:
        return given[path]
    named = get_named_type(slot.type)
    is_wanted = any(one[: len(path)] == path for one in given)
    is_required = isinstance(slot.type, GraphQLNonNull) and slot.default_value is Undefined
    if not is_required and not is_wanted:
        return Undefined
    if isinstance(named, GraphQLInputObjectType):
        fields = {key: _value((*path, key), value, given, kinds, own) for key, value in named.fields.items()}
        return {key: value for key, value in fields.items() if value is not Undefined}
    if path in kinds:
        mine = own.get(kinds[path].kind, ABSENT)
        return [mine] if kinds[path].is_list else mine
    return _sample(path[-1], named)


def _sample(name: str, type_: GraphQLNamedType) -> Any:
    if name in SAMPLES:
        return SAMPLES[name]
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    by_type = {"String": "some words here", "Int": 0, "Float": 0.5, "Boolean": True, "Upload": UPLOAD}
    assert type_.name in by_type, f"no sample of the type {type_.name} for the argument {name}: see SAMPLES"
    return by_type[type_.name]


def leaves(type_: Any) -> str:
    """A selection of every scalar and enum of the type; of a union, of each of its members."""
    named = get_named_type(type_)
    if is_leaf_type(named):
        return ""
    if isinstance(named, GraphQLUnionType):
        members = " ".join(f"... on {one.name} {_leaves_of(one, prefix=True)}" for one in named.types)
        return f"{{ __typename {members} }}"
    assert isinstance(named, GraphQLObjectType), f"write how the type {named} is selected"
    return _leaves_of(named)


def _leaves_of(type_: GraphQLObjectType, *, prefix: bool = False) -> str:
    names = [name for name, field in type_.fields.items() if is_leaf_type(get_named_type(field.type))]
    # Members of a union may have fields of one name and two types: each gets a name of its own.
    selected = [f"{type_.name}_{name}: {name}" if prefix else name for name in names]
    return "{ " + " ".join(["__typename", *selected]) + " }"


def operations(*roots: str) -> list[Operation]:
    """The fields of these root types, in the order of the schema."""
    return [
        Operation(root, name, field)
        for root in roots
        if ROOTS[root] is not None
        for name, field in ROOTS[root].fields.items()
    ]
