"""From a request's parameters to results, the same for HTTP, SSE and WebSocket."""

import asyncio
import inspect
from collections import OrderedDict
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from types import CoroutineType
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    create_source_event_stream,
    execute,
    get_operation_ast,
    parse,
    validate,
)

from chat.errors import BadInput, DomainError
from gql.context import Context
from gql.errors import format_domain_error, format_error, format_unexpected
from gql.limits import Selected, check_cost, read_operations
from gql.schema import schema

MAX_TOKENS = 2000  # a page of GraphiQL's introspection has 400; 100k tokens took 2 s to parse
MAX_VALIDATION_ERRORS = 20
CACHED_DOCUMENTS = 500
CACHED_DOCUMENT_MAX_CHARACTERS = 20_000
QUICK_DOCUMENT_MAX_CHARACTERS = 2_000

Response = dict[str, Any]
_graphql_schema = schema.graphql_schema


@dataclass(frozen=True, slots=True)
class Params:
    """What a client asks for; types are checked, names and values are not yet."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a valid document."""

    document: DocumentNode
    node: OperationDefinitionNode
    params: Params

    @property
    def kind(self) -> OperationType:
        return self.node.operation


class InvalidDocument(Exception):
    """The document does not parse, is not valid, or has no such operation. `errors` are wire dicts."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = [format_error(error) for error in errors]


def parse_params(raw: object) -> Params:
    """Check the shape of a request.

    Raises:
        BadInput: no object, no query, or a member of the wrong type.
    """
    if not isinstance(raw, dict):
        raise BadInput("A request must be a JSON object.")
    query, variables, name = raw.get("query"), raw.get("variables"), raw.get("operationName")
    if not isinstance(query, str) or not query:
        raise BadInput("A request needs a query.", fields={"query": "must be a string"})
    if variables is not None and not isinstance(variables, dict):
        raise BadInput("Variables must be a JSON object.", fields={"variables": "must be an object"})
    if name is not None and not isinstance(name, str):
        raise BadInput("An operation's name must be a string.", fields={"operationName": "must be a string"})
    if not isinstance(raw.get("extensions"), dict | None):
        raise BadInput("Extensions must be a JSON object.", fields={"extensions": "must be an object"})
    return Params(query, variables, name)


@dataclass(frozen=True, slots=True)
class _Valid:
    """A valid document and, for its cost, what its operations select (see `gql.limits.read_operations`)."""

    document: DocumentNode
    selected: dict[str | None, tuple[Selected, ...]]


# Valid ones; pure values that depend on the text only.
_documents: OrderedDict[str, _Valid] = OrderedDict()


def _parse_and_validate(query: str) -> _Valid:
    document = None
    try:
        document = parse(query, max_tokens=MAX_TOKENS)
        selected = read_operations(_graphql_schema, document)  # first: validation compares fields in pairs
        errors = validate(_graphql_schema, document, max_errors=MAX_VALIDATION_ERRORS, hide_suggestions=True)
    except GraphQLError as error:
        errors = [error]
    except RecursionError:
        errors = [GraphQLError("The document is nested too deeply.")]
    if errors or document is None:
        raise InvalidDocument(errors)
    return _Valid(document, selected)


async def _valid_document(query: str) -> _Valid:
    document = _documents.get(query)
    if document is not None:
        _documents.move_to_end(query)
        return document
    if len(query) <= QUICK_DOCUMENT_MAX_CHARACTERS:
        document = _parse_and_validate(query)
    else:  # a hostile one may take a second, which must not hold up everybody else on the event loop
        document = await asyncio.to_thread(_parse_and_validate, query)
    if len(query) <= CACHED_DOCUMENT_MAX_CHARACTERS:
        _documents[query] = document
        if len(_documents) > CACHED_DOCUMENTS:
            _documents.popitem(last=False)
    return document


async def prepare(params: Params) -> Operation:
    """The operation that the parameters ask for.

    Raises:
        InvalidDocument: also for an operation that asks for too much.
    """
    valid = await _valid_document(params.query)
    document = valid.document
    node = get_operation_ast(document, params.operation_name)
    if node is None:
        raise InvalidDocument(
            [GraphQLError("The document has no such operation, or several and none was named.")]
        )
    try:
        check_cost(valid.selected[node.name.value if node.name else None], node, params.variables)
    except GraphQLError as error:
        raise InvalidDocument([error]) from None
    return Operation(document, node, params)


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
        operation.document,
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
        operation.document,
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
