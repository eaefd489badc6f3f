"""From an operation to its results, the same for HTTP, SSE and WebSocket."""

import asyncio
import inspect
from collections.abc import AsyncGenerator
from types import CoroutineType
from typing import Any

from graphql import ExecutionResult, GraphQLError, OperationType, create_source_event_stream, execute

from chat.errors import DomainError
from gql.context import Context
from gql.errors import format_domain_error, format_error, format_unexpected
from gql.operations import Operation
from gql.schema import schema

Response = dict[str, Any]
_graphql_schema = schema.graphql_schema


def _is_awaitable(value: Any) -> bool:
    """Resolvers give coroutines, and loaders futures; asking only for these is quicker than the general test."""
    return isinstance(value, CoroutineType | asyncio.Future)


def _format(result: ExecutionResult) -> Response:
    response: Response = {}
    if result.errors:
        response["errors"] = [format_error(error) for error in result.errors]
    if result.data is not None or not is_request_error(result):
        response["data"] = result.data
    return response


def is_request_error(result: ExecutionResult) -> bool:
    """Whether execution never began (variables of the wrong type): such a response has no `data`."""
    return (
        result.data is None and bool(result.errors) and not any(error.path for error in result.errors or ())
    )


async def _execute(operation: Operation, context: Context, root: object = None) -> ExecutionResult:
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


async def run(operation: Operation, context: Context) -> Response:
    """The response to a query or mutation, whatever happens. One without `data` was refused before it ran."""
    try:
        return _format(await _execute(operation, context))
    except RecursionError:
        return {"errors": [format_error(GraphQLError("The document is nested too deeply."))]}
    except Exception as error:  # the top of an operation: whatever happened is logged and told under an id
        return {"errors": [format_unexpected(error)], "data": None}


async def stream(operation: Operation, context: Context) -> AsyncGenerator[Response]:
    """Responses to any operation: one, or those of a subscription until its source ends.

    A subscription that ends with an error gives it as its last response. Each event has loaders of its own,
    since what they cache goes stale.
    """
    if operation.kind is not OperationType.SUBSCRIPTION:
        yield await run(operation, context)
        return
    source = await create_source_event_stream(
        _graphql_schema,
        operation.prepared.document,
        context_value=context,
        variable_values=operation.params.variables,
        operation_name=operation.params.operation_name,
        hide_suggestions=True,
    )
    if isinstance(source, ExecutionResult):
        yield {"errors": [format_error(error) for error in source.errors or ()]}
        return
    try:
        async for event in source:
            yield _format(await _execute(operation, context.fresh(), event))
    except DomainError as error:
        yield {"errors": [format_domain_error(error)], "data": None}
    except Exception as error:  # the top of a subscription, as above
        yield {"errors": [format_unexpected(error)], "data": None}
    finally:
        await source.aclose()  # type: ignore[attr-defined]  # sources are async generators
