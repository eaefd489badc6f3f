"""From a document to plans.

A plan depends on the document and, where `@skip` and `@include` ask for variables, on the values of these: each
combination that turns up is a variant with plans of its own. Everything else about variables is looked at in a run.
Selections are compiled when their first object arrives, so a variant costs no more than what was asked of it.
"""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    VariableNode,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import collect_fields, collect_sub_fields
from graphql.execution.execute import SELECTIONS_NESTED_TOO_DEEPLY, get_field_def
from graphql.language import Visitor, visit

from gql.compiled.leaves import column_serializer
from gql.compiled.plan import (
    AbstractPlan,
    FieldPlan,
    LeafPlan,
    ListPlan,
    ObjectPlan,
    SelectionPlan,
    SerializeColumn,
    ValuePlan,
)
from gql.compiled.resolvers import resolver_of
from gql.compiled.type_checks import accepted_classes
from gql.compiled.values import constant_arguments
from gql.recent import Recent

MAX_VARIANTS = 16


class OperationPlan:
    """A compiled operation of a valid document; make it once and keep it beside the document."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
    ) -> None:
        self.schema = schema
        self.operation = operation
        self.fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._deciding = _deciding_variables(operation, self.fragments)
        self._variants: Recent[Hashable, Variant] = Recent(MAX_VARIANTS)

    def variant(self, variables: dict[str, Any]) -> "Variant":
        """The plans for these coerced variables. The ones used last are kept."""
        deciding = {name: _decision(variables[name]) for name in self._deciding if name in variables}
        key = tuple(deciding.items())
        variant = self._variants.get(key)
        if variant is None:
            variant = Variant(self.schema, self.operation, self.fragments, deciding)
            self._variants.put(key, variant)
        return variant


def most_variants(document: DocumentNode) -> int:
    """How many variants of an operation of the document are kept at most."""
    found = _DirectiveVariables()
    visit(document, found)
    return int(min(3 ** len(found.names), MAX_VARIANTS))  # true, false, and null, which is refused in a run


def _decision(value: object) -> bool | None:
    """What `@skip` and `@include` may be given. Anything else would be kept, however long, as part of a key."""
    return value if isinstance(value, bool) else None


def _deciding_variables(
    operation: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
) -> tuple[str, ...]:
    """The variables that the operation's `@skip` and `@include` look at, in a stable order.

    Those of the document's other operations may have the same names, and values of any type.
    """
    found = _DirectiveVariables()
    seen: set[str] = set()
    waiting: list[Node] = [operation]
    while waiting:
        visit(waiting.pop(), found)
        spread = (found.spreads & fragments.keys()) - seen
        seen |= spread
        waiting.extend(fragments[name] for name in spread)
    return tuple(sorted(found.names))


class _DirectiveVariables(Visitor):
    """Collects the names of variables in directives, and of the fragments that are spread."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.spreads: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        for argument in node.arguments:
            if isinstance(argument.value, VariableNode):
                self.names.add(argument.value.name.value)

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.spreads.add(node.name.value)


class Variant:
    """The plans of an operation for one choice of what is skipped and included.

    It does not hold the `OperationPlan` that holds it: without cycles, plans go when their document is forgotten.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDefinitionNode],
        deciding: dict[str, Any],
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._fragments = fragments
        self._deciding = deciding
        self._selections: dict[Hashable, SelectionPlan] = {}
        self._serializers: dict[str, SerializeColumn] = {}
        self.root = self._compile_root()

    def selection_of(self, value: ObjectPlan, nodes: list[FieldNode]) -> SelectionPlan:
        """What fields of these nodes ask of their objects."""
        if value.selection is None:
            value.selection = self._sub_selection(value.type, nodes)
        return value.selection

    def selection_of_type(
        self, value: AbstractPlan, type_: GraphQLObjectType, nodes: list[FieldNode]
    ) -> SelectionPlan:
        """What fields of these nodes ask of objects that turned out to be of a type."""
        selection = value.selections.get(type_.name)
        if selection is None:
            selection = value.selections[type_.name] = self._sub_selection(type_, nodes)
        return selection

    def _compile_root(self) -> SelectionPlan:
        operation = self._operation
        root_type = self._schema.get_root_type(operation.operation)
        if root_type is None:
            kind = operation.operation.value
            raise GraphQLError(f"Schema is not configured to execute {kind} operation.", operation)
        try:
            collected = collect_fields(
                self._schema, self._fragments, self._deciding, root_type, operation.selection_set
            )
        except RecursionError:
            collected = None
        if collected is None:  # outside the block, or the error would keep every frame of the recursion
            raise GraphQLError(SELECTIONS_NESTED_TOO_DEEPLY, operation)
        return self._compile(root_type, collected)

    def _sub_selection(self, type_: GraphQLObjectType, nodes: list[FieldNode]) -> SelectionPlan:
        key = (type_.name, *map(id, nodes))  # the document keeps its nodes alive
        selection = self._selections.get(key)
        if selection is None:
            selection = self._selections[key] = self._collect(type_, nodes)
        return selection

    def _collect(self, type_: GraphQLObjectType, nodes: list[FieldNode]) -> SelectionPlan:
        try:
            collected = collect_sub_fields(self._schema, self._fragments, self._deciding, type_, nodes)
        except GraphQLError as problem:  # a directive's argument is null
            return SelectionPlan(type_, {}, (), None, problem)
        return self._compile(type_, collected)

    def _compile(self, type_: GraphQLObjectType, collected: dict[str, list[FieldNode]]) -> SelectionPlan:
        template: dict[str, Any] = {}
        fields: list[FieldPlan] = []
        for key, field, nodes in self._known_fields(type_, collected):
            if nodes[0].name.value == "__typename":
                template[key] = type_.name
                continue
            template[key] = None
            fields.append(
                FieldPlan(
                    key=key,
                    index=len(fields),
                    nodes=nodes,
                    definition=field,
                    parent_type=type_,
                    resolver=resolver_of(field),
                    arguments=constant_arguments(field, nodes[0]),
                    value=self._value(field.type),
                )
            )
        return SelectionPlan(type_, template, tuple(fields), accepted_classes(type_))

    def _known_fields(
        self, type_: GraphQLObjectType, collected: dict[str, list[FieldNode]]
    ) -> Iterator[tuple[str, Any, list[FieldNode]]]:
        for key, nodes in collected.items():
            field = get_field_def(self._schema, type_, nodes[0])
            if field:  # validation has refused documents with others; graphql-core leaves them out as well
                yield key, field, nodes

    def _value(self, type_: GraphQLOutputType) -> ValuePlan:
        nullable = not is_non_null_type(type_)
        inner: Any = type_ if nullable else type_.of_type  # type: ignore[union-attr]
        if is_list_type(inner):
            return ListPlan(nullable, self._value(inner.of_type))
        if is_leaf_type(inner):
            serializer = self._serializers.get(inner.name)
            if serializer is None:
                serializer = self._serializers[inner.name] = column_serializer(inner)
            return LeafPlan(nullable, inner, serializer)
        if is_object_type(inner):
            return ObjectPlan(nullable, inner)
        return AbstractPlan(nullable, inner)
