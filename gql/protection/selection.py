"""What the operations of a document select, told before validation, which compares fields in pairs. Pure.

Fields are merged as execution merges them. What is selected below the same places is read once, so fragments that
double each other cost no more than they are long; fragments that spread each other in a circle were refused by
`gql.protection.scan`, and the depth bounds what is left.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
)
from graphql.type.introspection import SchemaMetaFieldDef, TypeMetaFieldDef

from gql.protection.declared import FieldCost, cost_of, object_cost
from gql.protection.limits import LIMITS, CostLimited, DepthLimited, DocumentLimits


@dataclass(frozen=True, slots=True)
class Selected:
    """Fields of one response name: one, unless the types of a union have different ones.

    `per_object` is what each object of theirs costs, `costs` what they cost by themselves, with the nodes whose
    arguments say how many there are. `is_sized`: it has as many objects as its parent's page.
    """

    name: str
    costs: tuple[tuple[FieldNode, FieldCost], ...]
    per_object: int
    is_sized: bool
    below: "Selection"


@dataclass(frozen=True, slots=True)
class Selection:
    """A merged selection set: its fields that select further, and of the others how many they are and what they cost.

    `fields` counts what it selects on all levels, `height` those levels; what `__schema` and `__type` select has
    limits of its own and does not count there.
    """

    objects: tuple[Selected, ...] = ()
    values: int = 0
    values_cost: int = 0
    fields: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class SelectingOperation:
    """An operation's definition and what it selects. `introspects`: it asks for the schema."""

    node: OperationDefinitionNode
    selection: Selection
    introspects: bool


@dataclass(frozen=True, slots=True)
class _Source:
    """A selection set and its type (None: not known)."""

    selections: SelectionSetNode
    kind: Any


_Occurrence = tuple[FieldNode, _Source]


@dataclass(slots=True)
class _Reader:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    limits: DocumentLimits
    left: int = 0
    known: dict[tuple[int, ...], Selection] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.left = self.limits.visits

    def read(self, sources: list[_Source], depth: int, deepest: int) -> Selection:
        """The fields of the merged selection sets, which begin on level `depth`."""
        key = tuple(sorted({id(source.selections) for source in sources}))
        selection = self.known.get(key)
        if selection is None:
            if depth > deepest:
                raise DepthLimited(f"Fields may be nested {deepest} levels deep.")
            selection = self.known[key] = self._read(sources, depth, deepest)
        if depth + selection.height - 1 > deepest:
            raise DepthLimited(f"Fields may be nested {deepest} levels deep.")
        if selection.fields > self.limits.fields:
            raise self._too_many()
        return selection

    def _read(self, sources: list[_Source], depth: int, deepest: int) -> Selection:
        objects: list[Selected] = []
        values = values_cost = fields = height = 0
        for name, occurrences in self._merge(sources).items():
            definitions = [_definition(source.kind, node.name.value) for node, source in occurrences]
            below = self._read_below(occurrences, definitions, depth, deepest)
            fields += 1 + below.fields
            is_meta = definitions[0] in (SchemaMetaFieldDef, TypeMetaFieldDef)
            height = max(height, 1 if is_meta else 1 + below.height)
            if below.fields:
                objects.append(_selected(name, occurrences, definitions, below))
            else:
                values += 1
                values_cost += max(cost_of(definition).complexity for definition in definitions)
        return Selection(tuple(objects), values, values_cost, fields, height)

    def _read_below(
        self, occurrences: list[_Occurrence], definitions: list[GraphQLField | None], depth: int, deepest: int
    ) -> Selection:
        sources = [
            _Source(node.selection_set, get_named_type(definition.type) if definition is not None else None)
            for (node, _), definition in zip(occurrences, definitions, strict=True)
            if node.selection_set is not None
        ]
        if not sources:
            return _NOTHING
        if definitions[0] in (SchemaMetaFieldDef, TypeMetaFieldDef):
            return self.read(sources, 1, self.limits.introspection_depth)
        return self.read(sources, depth + 1, deepest)

    def _merge(self, sources: list[_Source]) -> dict[str, list[_Occurrence]]:
        """Fields by response name, as execution collects them: each fragment once."""
        merged: dict[str, list[_Occurrence]] = {}
        visited: set[str] = set()
        count = 0
        for node, source in (one for start in sources for one in self._selections(start, visited)):
            count += 1
            if count > self.limits.selections:
                raise CostLimited(f"A selection set may have at most {self.limits.selections} fields.")
            if node is None:
                continue
            occurrences = merged.setdefault(node.alias.value if node.alias else node.name.value, [])
            occurrences.append((node, source))
            if len(occurrences) > self.limits.repeats:
                raise CostLimited(f"A selection set may have one name at most {self.limits.repeats} times.")
        return merged

    def _selections(self, start: _Source, visited: set[str]) -> Iterator[tuple[FieldNode | None, _Source]]:
        """Fields of a selection set and of its fragments, with where they stand; None for each spread."""
        waiting = [start]
        while waiting:
            source = waiting.pop()
            for selection in source.selections.selections:
                self.left -= 1
                if self.left < 0:
                    raise self._too_many()
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
            return _Source(spread.selection_set, kind)
        assert isinstance(spread, FragmentSpreadNode)
        name = spread.name.value
        fragment = self.fragments.get(name)
        if fragment is None or name in visited:
            return None
        visited.add(name)
        return self.of_fragment(fragment)

    def of_fragment(self, fragment: FragmentDefinitionNode) -> _Source:
        return _Source(fragment.selection_set, self.schema.get_type(fragment.type_condition.name.value))

    def _too_many(self) -> CostLimited:
        return CostLimited(
            f"A document may select at most {self.limits.fields:,} fields, each fragment counted wherever it is spread."
        )


_NOTHING = Selection()


def _definition(parent: Any, name: str) -> GraphQLField | None:
    if name == "__schema":
        return SchemaMetaFieldDef
    if name == "__type":
        return TypeMetaFieldDef
    found = getattr(parent, "fields", {}).get(name)  # scalars and unions have none, input types other ones
    return found if isinstance(found, GraphQLField) else None


def _selected(
    name: str, occurrences: list[_Occurrence], definitions: list[GraphQLField | None], below: Selection
) -> Selected:
    per_object = 0
    costs: list[tuple[FieldNode, FieldCost]] = []
    for (node, _), definition in zip(occurrences, definitions, strict=True):
        cost = cost_of(definition)
        if definition is not None:
            per_object = max(per_object, object_cost(get_named_type(definition.type)))
        if not any(known == cost and other.arguments == node.arguments for other, known in costs):
            costs.append((node, cost))
    parent = occurrences[0][1].kind
    field_name = occurrences[0][0].name.value
    is_sized = getattr(parent, "name", "").endswith("Connection") and field_name == "edges"
    return Selected(name, tuple(costs), per_object, is_sized, below)


def read_operations(
    schema: GraphQLSchema, document: DocumentNode, limits: DocumentLimits = LIMITS
) -> dict[str | None, SelectingOperation]:
    """The document's operations by their names. The document need not be valid, but `scan` must have let it pass.

    Raises:
        CostLimited: too many fields, in one selection set or in all, or too many of one response name.
        DepthLimited: nested too deeply.
    """
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    reader = _Reader(schema, fragments, limits)
    operations: dict[str | None, SelectingOperation] = {}
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            root = schema.get_root_type(definition.operation)
            selection = reader.read([_Source(definition.selection_set, root)], 1, limits.depth)
            name = definition.name.value if definition.name else None
            operations[name] = SelectingOperation(definition, selection, _introspects(selection))
        elif isinstance(definition, FragmentDefinitionNode):  # validation looks at those nobody spreads, too
            introspects = definition.type_condition.name.value.startswith("__")
            deepest = limits.introspection_depth if introspects else limits.depth
            reader.read([reader.of_fragment(definition)], 1, deepest)
    return operations


def _introspects(selection: Selection) -> bool:
    """Whether `__schema` or `__type` is asked for: both stand at the root, and have fields."""
    return any(
        node.name.value in ("__schema", "__type")
        for selected in selection.objects
        for node, _ in selected.costs
    )
