"""What resolvers are told of their call, made in no time: most of it is worked out when it is asked for."""

from typing import TYPE_CHECKING, Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.pyutils import Path, is_awaitable

from gql.selected_names import selected_names

if TYPE_CHECKING:
    from gql.compiled.columns import Column
    from gql.compiled.run import Run


class Info:
    """Has the members of graphql-core's `GraphQLResolveInfo`, and one more. It belongs to one value of a column."""

    __slots__ = ("context", "_run", "_column", "_index")

    is_awaitable = staticmethod(is_awaitable)

    def __init__(self, run: "Run", column: "Column", index: int) -> None:
        self.context: Any = run.context
        self._run = run
        self._column = column
        self._index = index

    @property
    def field_name(self) -> str:
        return self._column.field.name

    @property
    def field_nodes(self) -> list[FieldNode]:
        return self._column.field.nodes

    @property
    def return_type(self) -> GraphQLOutputType:
        return self._column.field.return_type

    @property
    def parent_type(self) -> GraphQLObjectType:
        return self._column.field.parent_type

    @property
    def names_below(self) -> frozenset[str]:
        """`gql.selected_names.names_below`, worked out once for a plan."""
        field = self._column.field
        if field.names_below is None:
            field.names_below = selected_names(field.nodes, self._run.plan.fragments)
        return field.names_below

    @property
    def path(self) -> Path:
        """The path of the field, also while an item of its list is completed."""
        column, row = self._column.field_place(self._index)
        return column.path(row)

    @property
    def schema(self) -> GraphQLSchema:
        return self._run.plan.schema

    @property
    def fragments(self) -> dict[str, FragmentDefinitionNode]:
        return self._run.plan.fragments

    @property
    def root_value(self) -> Any:
        return self._run.root

    @property
    def operation(self) -> OperationDefinitionNode:
        return self._run.plan.operation

    @property
    def variable_values(self) -> dict[str, Any]:
        return self._run.variables
