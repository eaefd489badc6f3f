"""From an operation to its results, the same for HTTP, SSE and WebSocket."""

from collections.abc import AsyncGenerator
from typing import Any

from graphql import ExecutionResult, GraphQLError, OperationType, create_source_event_stream

from chat.errors import DomainError
from gql.context import Context
from gql.errors import format_domain_error, format_error, format_unexpected
from gql.executor import execute_operation
from gql.protection.throttle import Charge
from gql.protection.time_limit import TimeLimit
from gql.requests.operations import Operation
from gql.schema import schema
from gql.subscriptions.audience import Outlet, SharedPlace
from gql.subscriptions.sharing import Key, shared_result, sharing_key

Response = dict[str, Any]
_graphql_schema = schema.graphql_schema


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


async def run(operation: Operation, context: Context) -> Response:
    """The response to a query or mutation, whatever happens. One without `data` was refused before it ran."""
    return _settled(operation.charge, await _run(operation, context))


async def _run(operation: Operation, context: Context, root: object = None) -> Response:
    try:
        async with TimeLimit(is_read=operation.kind is not OperationType.MUTATION):
            return _format(await execute_operation(operation, context, root))
    except RecursionError:
        too_deep = GraphQLError("The document is nested too deeply.")
        return {"errors": [format_error(too_deep)], "data": None}  # what ran before is charged
    except DomainError as error:
        return {"errors": [format_domain_error(error)], "data": None}
    except Exception as error:  # the top of an operation: whatever happened is logged and told under an id
        return {"errors": [format_unexpected(error)], "data": None}


def _settled(charge: Charge, response: Response) -> Response:
    """The response with what it cost; what it did not is given back.

    A response with errors does not show what was done: one of them may have made everything null.
    """
    failed = "errors" in response and "data" in response
    report = charge.settle_in_full() if failed else charge.settle(response.get("data"))
    response["extensions"] = {"cost": report}
    return response


async def stream(
    operation: Operation, context: Context, outlet: Outlet | None = None
) -> AsyncGenerator[Response]:
    """Responses to any operation: one, or those of a subscription until its source ends.

    A subscription that ends with an error gives it as its last response. Each event has loaders of its own,
    since what they cache goes stale. Responses that are the same for many go to the outlet, if there is one; all
    that were given before are to be in it, or on their way, when the next one is asked for.
    """
    if operation.kind is not OperationType.SUBSCRIPTION:
        yield await run(operation, context)
        return
    key = sharing_key(operation, context)
    try:
        async with TimeLimit(is_read=True):
            source = await create_source_event_stream(
                _graphql_schema,
                operation.prepared.document,
                _place(operation, key, outlet),
                context_value=context,
                variable_values=operation.params.variables,
                operation_name=operation.params.operation_name,
                hide_suggestions=True,
            )
    except DomainError as error:
        yield {"errors": [format_domain_error(error)]}
        return
    if isinstance(source, ExecutionResult):
        yield {"errors": [format_error(error) for error in source.errors or ()]}
        return
    operation.charge.settle(None)  # each event is charged by itself
    try:
        async for event in source:
            charge = await operation.charge.for_event()
            yield await _event_response(operation, context, event, charge, key)
    except DomainError as error:
        yield {"errors": [format_domain_error(error)], "data": None}
    except Exception as error:  # the top of a subscription, as above
        yield {"errors": [format_unexpected(error)], "data": None}
    finally:
        await source.aclose()  # type: ignore[attr-defined]  # sources are async generators


async def _event_response(
    operation: Operation, context: Context, event: object, charge: Charge, key: Key | None
) -> Response:
    """What one subscriber is told of an event. Shared data are computed for nobody, so they can hold nobody's own."""
    if key is not None:
        shared = await shared_result(event, operation, key, lambda: _run_for_nobody(operation, event))
        if shared is not None:
            return {"data": shared.json, "extensions": {"cost": charge.settle_event(shared.cost)}}
    return _settled(charge, await _run(operation, context.fresh(), event))


def _place(operation: Operation, key: Key | None, outlet: Outlet | None) -> SharedPlace | None:
    if key is None or outlet is None:
        return None
    return SharedPlace(key, operation, outlet, lambda event: _run_for_nobody(operation, event))


async def _run_for_nobody(operation: Operation, event: object) -> Response:
    return await _run(operation, Context(None), event)
