"""What a field is asked for, all the way down: so that a resolver need not read what nobody looks at."""

from collections.abc import Iterable, Mapping
from typing import Any

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, GraphQLResolveInfo, Node


def names_below(info: GraphQLResolveInfo) -> frozenset[str]:
    """The names of all fields below the field, also of those that directives leave out."""
    # The compiled executor has worked them out already (gql.compiled.info.Info).
    known: frozenset[str] | None = getattr(info, "names_below", None)
    return selected_names(info.field_nodes, info.fragments) if known is None else known


def selected_names(
    fields: Iterable[FieldNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> frozenset[str]:
    """The names of all fields below these, of a valid document."""
    names: set[str] = set()
    spread: set[str] = set()
    waiting: list[Any] = [field.selection_set for field in fields]
    while waiting:
        selection_set = waiting.pop()
        for node in selection_set.selections if selection_set else ():
            waiting.append(_below(node, fragments, spread))
            if isinstance(node, FieldNode):
                names.add(node.name.value)
    return frozenset(names)


def _below(node: Node, fragments: Mapping[str, FragmentDefinitionNode], spread: set[str]) -> Any:
    """The selection set of a selection; None where there is none, or it was seen."""
    if not isinstance(node, FragmentSpreadNode):
        return getattr(node, "selection_set", None)
    name = node.name.value
    if name in spread:
        return None
    spread.add(name)
    return fragments[name].selection_set
