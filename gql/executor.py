"""Which executor runs an operation: the compiled one, or graphql-core's (setting GRAPHQL_EXECUTOR)."""

import asyncio
import inspect
from types import CoroutineType
from typing import Any

from django.conf import settings
from graphql import ExecutionResult, execute

from gql.compiled import OperationPlan, execute_plan
from gql.context import Context
from gql.requests.operations import Operation
from gql.schema import schema

COMPILED = "compiled"
GRAPHQL_CORE = "graphql-core"
EXECUTORS = (COMPILED, GRAPHQL_CORE)

_graphql_schema = schema.graphql_schema


async def execute_operation(operation: Operation, context: Context, root: object = None) -> ExecutionResult:
    """Data and errors of an operation. `root` is the event of a subscription."""
    if settings.GRAPHQL_EXECUTOR == COMPILED:
        return await execute_plan(
            _plan_of(operation), root=root, context=context, variables=operation.params.variables
        )
    result = execute(
        _graphql_schema,
        operation.prepared.document,
        root,
        context_value=context,
        variable_values=operation.params.variables,
        operation_name=operation.params.operation_name,
        is_awaitable=_is_awaitable,
        hide_suggestions=True,
    )
    return await result if inspect.isawaitable(result) else result


def _plan_of(operation: Operation) -> OperationPlan:
    """The compiled operation; it is kept with its document, and goes with it."""
    prepared = operation.prepared
    plan: OperationPlan | None = prepared.plans.get(operation.name)
    if plan is None:
        plan = OperationPlan(_graphql_schema, prepared.document, operation.node)
        prepared.plans[operation.name] = plan
    return plan


def _is_awaitable(value: Any) -> bool:
    """Resolvers give coroutines, and loaders futures; asking only for these is quicker than the general test."""
    return isinstance(value, CoroutineType | asyncio.Future)
