"""How much one document may ask for, told from the document and its variables before anything runs. Pure.

Two checks, since validation itself is costly (OverlappingFieldsCanBeMerged compares fields in pairs):
`read_operations` needs only the document and comes before validation; `check_cost` needs the variables.
The numbers stand in docs/protocols.md.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)
from graphql.type.introspection import SchemaMetaFieldDef, TypeMetaFieldDef

MAX_DEPTH = 12
MAX_INTROSPECTION_DEPTH = 20  # GraphiQL's question goes down 15 levels, nine of them `ofType`
MAX_SELECTIONS = 200  # of one selection set, with those of its fragments
MAX_REPEATS = 20  # of one response name in one selection set
MAX_DOCUMENT_SELECTIONS = 6000  # each fragment counted wherever it is spread
MAX_NODES = 10_000  # rows of lists
MAX_VALUES = 100_000  # fields of all rows

PAGE_ARGUMENTS = ("first", "last", "limit", "topK")
DEFAULT_ROWS = 20
MAX_ROWS = 100  # what connections take at most, whatever is asked
PLAIN_LIST_ROWS = 5  # citations, passages and the like have no page argument
_SCHEMA_ROWS = {"types": 80, "fields": 5, "directives": 5}  # lists that introspection reads; others are short


class CostLimited(GraphQLError):
    """The document asks for too much."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "COST_LIMITED"})


class DepthLimited(GraphQLError):
    """The document's fields are nested too deeply."""

    def __init__(self, depth: int) -> None:
        super().__init__(f"Fields may be nested {depth} levels deep.", extensions={"code": "DEPTH_LIMITED"})


@dataclass(frozen=True, slots=True)
class Selected:
    """A field of the merged document: `node` is the first of its name, `children` are those of all of them.

    `rows` is how many values a list without page arguments is taken to have, 1 for what is no list, and None where
    the node's page arguments say it (`default` is taken where none is given).
    """

    node: FieldNode
    rows: int | None
    default: int = DEFAULT_ROWS
    children: tuple["Selected", ...] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """A selection set, its type (None: not known), and the fragments it stands in.

    A spread of one of those is a cycle. It is passed over here; validation tells it.
    """

    selections: SelectionSetNode
    kind: Any
    inside: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Reader:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    left: int = MAX_DOCUMENT_SELECTIONS

    def read(self, sources: list[_Source], depth: int, deepest: int) -> tuple[Selected, ...]:
        """The fields of the merged selection sets."""
        merged = self._merge(sources)
        if merged and depth > deepest:
            raise DepthLimited(deepest)
        return tuple(self._read_field(occurrences, depth, deepest) for occurrences in merged.values())

    def _read_field(self, occurrences: list[tuple[FieldNode, _Source]], depth: int, deepest: int) -> Selected:
        node, source = occurrences[0]
        definition = _definition(source.kind, node.name.value)
        if definition in (SchemaMetaFieldDef, TypeMetaFieldDef):
            deepest = MAX_INTROSPECTION_DEPTH
        kind = get_named_type(definition.type) if definition is not None else None
        below = [
            _Source(node.selection_set, kind, source.inside)
            for node, source in occurrences
            if node.selection_set is not None
        ]
        children = self.read(below, depth + 1, deepest) if below else ()
        rows, default = _rows(source.kind, node.name.value, definition)
        return Selected(node, rows, default, children)

    def _merge(self, sources: list[_Source]) -> dict[str, list[tuple[FieldNode, _Source]]]:
        """Fields by response name, as execution collects them: each fragment once."""
        merged: dict[str, list[tuple[FieldNode, _Source]]] = {}
        visited: set[str] = set()
        count = 0
        for node, source in (one for start in sources for one in self._selections(start, visited)):
            count += 1
            if count > MAX_SELECTIONS:
                raise CostLimited(f"A selection set may have at most {MAX_SELECTIONS} fields.")
            if node is None:
                continue
            occurrences = merged.setdefault(node.alias.value if node.alias else node.name.value, [])
            occurrences.append((node, source))
            if len(occurrences) > MAX_REPEATS:
                raise CostLimited(f"A selection set may have one name at most {MAX_REPEATS} times.")
        return merged

    def _selections(self, start: _Source, visited: set[str]) -> Iterator[tuple[FieldNode | None, _Source]]:
        """Fields of a selection set and of its fragments, with where they stand; None for each spread."""
        waiting = [start]
        while waiting:
            source = waiting.pop()
            for selection in source.selections.selections:
                self.left -= 1
                if self.left < 0:
                    raise CostLimited(
                        f"A document may select at most {MAX_DOCUMENT_SELECTIONS:,} fields, fragments included."
                    )
                if isinstance(selection, FieldNode):
                    yield selection, source
                    continue
                yield None, source
                opened = self._open(selection, source, visited)
                if opened is not None:
                    waiting.append(opened)

    def _open(self, spread: SelectionNode, source: _Source, visited: set[str]) -> _Source | None:
        if isinstance(spread, InlineFragmentNode):
            condition = spread.type_condition
            kind = self.schema.get_type(condition.name.value) if condition else source.kind
            return _Source(spread.selection_set, kind, source.inside)
        assert isinstance(spread, FragmentSpreadNode)
        name = spread.name.value
        fragment = self.fragments.get(name)
        if fragment is None or name in visited or name in source.inside:
            return None
        visited.add(name)
        return self.of_fragment(fragment, source.inside)

    def of_fragment(self, fragment: FragmentDefinitionNode, inside: frozenset[str] = frozenset()) -> _Source:
        """What a fragment selects, spread inside of others."""
        kind = self.schema.get_type(fragment.type_condition.name.value)
        return _Source(fragment.selection_set, kind, inside | {fragment.name.value})


def _definition(parent: Any, name: str) -> GraphQLField | None:
    if name == "__schema":
        return SchemaMetaFieldDef
    if name == "__type":
        return TypeMetaFieldDef
    found = getattr(parent, "fields", {}).get(name)  # scalars and unions have none, input types other ones
    return found if isinstance(found, GraphQLField) else None


def _rows(parent: Any, name: str, definition: GraphQLField | None) -> tuple[int | None, int]:
    """`rows` and `default` of a field, see `Selected`."""
    if definition is None:
        return 1, DEFAULT_ROWS
    for argument in PAGE_ARGUMENTS:
        if argument in definition.args:
            default = definition.args[argument].default_value
            return None, default if isinstance(default, int) else DEFAULT_ROWS
    kind = definition.type.of_type if isinstance(definition.type, GraphQLNonNull) else definition.type
    if not isinstance(kind, GraphQLList) or parent.name.endswith("Connection"):
        return 1, DEFAULT_ROWS  # the rows of a connection's `edges` are counted where its page is asked for
    if parent.name.startswith("__"):
        return _SCHEMA_ROWS.get(name, 1), DEFAULT_ROWS
    return PLAIN_LIST_ROWS, DEFAULT_ROWS


def read_operations(schema: GraphQLSchema, document: DocumentNode) -> dict[str | None, tuple[Selected, ...]]:
    """The merged fields of each operation, by its name. The document need not be valid.

    Raises:
        CostLimited: too many fields, in one selection set or in all, or too many of one response name.
        DepthLimited: nested too deeply.
    """
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    reader = _Reader(schema, fragments)
    operations: dict[str | None, tuple[Selected, ...]] = {}
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            root = schema.get_root_type(definition.operation)
            name = definition.name.value if definition.name else None
            operations[name] = reader.read([_Source(definition.selection_set, root)], 1, MAX_DEPTH)
        elif isinstance(definition, FragmentDefinitionNode):  # validation looks at those nobody spreads, too
            source = reader.of_fragment(definition)
            introspects = definition.type_condition.name.value.startswith("__")
            reader.read([source], 1, MAX_INTROSPECTION_DEPTH if introspects else MAX_DEPTH)
    return operations


@dataclass(frozen=True, slots=True)
class Cost:
    """An upper estimate: `nodes` are rows of lists, `values` the fields of all rows."""

    nodes: int
    values: int


def estimate_cost(
    fields: tuple[Selected, ...], operation: OperationDefinitionNode, variables: Mapping[str, Any] | None
) -> Cost:
    """What an operation may ask for with these variables. Directives are not looked at: a skipped field counts."""
    given = dict(_defaults(operation))
    given.update(variables or {})
    nodes = values = 0
    waiting = [(one, 1) for one in fields]
    while waiting:
        selected, times = waiting.pop()
        values += times
        if not selected.children:
            continue
        rows = _asked_rows(selected, given) if selected.rows is None else selected.rows
        if selected.rows != 1:
            nodes += times * rows
        waiting.extend((child, times * rows) for child in selected.children)
    return Cost(nodes, values)


def check_cost(
    fields: tuple[Selected, ...], operation: OperationDefinitionNode, variables: Mapping[str, Any] | None
) -> None:
    """Refuse an operation that asks for too much.

    Raises:
        CostLimited.
    """
    cost = estimate_cost(fields, operation, variables)
    if cost.nodes > MAX_NODES:
        raise CostLimited(
            f"The operation asks for about {cost.nodes:,} nodes; at most {MAX_NODES:,} are given."
            " Ask for smaller pages."
        )
    if cost.values > MAX_VALUES:
        raise CostLimited(
            f"The operation asks for about {cost.values:,} values; at most {MAX_VALUES:,} are given."
            " Ask for smaller pages or fewer fields."
        )


def _defaults(operation: OperationDefinitionNode) -> Iterator[tuple[str, int]]:
    for variable in operation.variable_definitions or ():
        if isinstance(variable.default_value, IntValueNode):
            yield variable.variable.name.value, _int(variable.default_value)


def _int(node: IntValueNode) -> int:
    return int(node.value[:10])  # the text may have thousands of digits


def _asked_rows(selected: Selected, variables: Mapping[str, Any]) -> int:
    asked: list[float] = []
    for argument in selected.node.arguments or ():
        if argument.name.value in PAGE_ARGUMENTS:
            value: Any = argument.value
            if isinstance(value, IntValueNode):
                asked.append(_int(value))
            elif isinstance(value, VariableNode):
                given = variables.get(value.name.value)
                if isinstance(given, int | float):  # anything else is refused, or null and so the default
                    asked.append(given)
    return int(min(max(*asked, 0), MAX_ROWS)) if asked else selected.default
