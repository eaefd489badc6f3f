"""Arguments and variables, coerced by graphql-core's own functions: once per field and run, or once for all."""

from decimal import Decimal
from enum import Enum
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
    get_argument_values,
    get_variable_values,
)
from graphql.language import BREAK, Visitor, visit

MAX_COERCION_ERRORS = 50
_UNCHANGEABLE = (str, int, float, bool, type(None), Decimal, Enum)


class _FindVariable(Visitor):
    found = False

    def enter_variable(self, node: VariableNode, *_: Any) -> Any:
        self.found = True
        return BREAK


def _has_variable(node: FieldNode) -> bool:
    for argument in node.arguments:
        finder = _FindVariable()
        visit(argument, finder)
        if finder.found:
            return True
    return False


def constant_arguments(field: GraphQLField, node: FieldNode) -> dict[str, Any] | None:
    """Arguments that are the same in every run.

    None where a variable takes part, where coercion fails (which is the error of each run) and where a resolver could
    change what it gets, such as a list.
    """
    if _has_variable(node):
        return None
    try:
        arguments = get_argument_values(field, node)
    except GraphQLError:
        return None
    return arguments if all(isinstance(value, _UNCHANGEABLE) for value in arguments.values()) else None


def coerce_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode, given: dict[str, Any] | None
) -> dict[str, Any] | list[GraphQLError]:
    """The variables of a run, or what is wrong with those that were given."""
    if not operation.variable_definitions:
        return {}
    return get_variable_values(
        schema,
        operation.variable_definitions,
        given or {},
        max_errors=MAX_COERCION_ERRORS,
        hide_suggestions=True,
    )
