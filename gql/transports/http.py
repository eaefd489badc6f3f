"""GraphQL over HTTP: an ASGI application in front of Django's handler, which costs more than a small query.

It follows the GraphQL-over-HTTP specification (GET queries, POST, both media types), the GraphQL multipart request
specification for uploads, and the distinct connections mode of GraphQL over SSE. A browser that asks for a page is
passed on to Django, which serves GraphiQL.
"""

import math
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

import orjson
from django.conf import settings
from graphql import OperationType

from chat.access.authentication import NO_CREDENTIALS, caller_from_scope_soon
from chat.errors import BadInput, DomainError, Forbidden, Unauthenticated
from chat.limiting.limits import client_address
from gql.context import Context
from gql.errors import format_domain_error
from gql.execution import Response, run
from gql.requests.documents import InvalidDocument
from gql.requests.operations import Operation
from gql.requests.persisted import request_operation
from gql.transports.http_request import (
    JSON_BODY,
    ClientGone,
    Headers,
    Receive,
    Refused,
    Scope,
    body_kind,
    check_host,
    header,
    params_of_url,
    read_json,
    read_upload,
)
from gql.transports.negotiation import GRAPHQL, HTML, JSON, SSE, negotiate
from gql.transports.same_origin import require_same_origin
from gql.transports.sse import counted_stream, send_events

Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Any, Any], Awaitable[None]]

PATHS = ("/graphql", "/graphql/")
_SAFE = ("GET", "HEAD")
_ALLOW = (b"allow", b"GET, HEAD, POST, OPTIONS")
_ALLOW_POST = (b"allow", b"POST, OPTIONS")
_STATUS_OF_CODE = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "RATE_LIMITED": 429, "UNAVAILABLE": 503}


class GraphQLEndpoint:
    """Serves `/graphql`; every other path, and pages for browsers, go to `django`."""

    def __init__(self, django: App) -> None:
        self.django = django

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in PATHS:
            await self.django(scope, receive, send)
            return
        headers: Headers = dict(scope["headers"])
        media_type = negotiate(header(headers, b"accept"))
        if media_type == HTML and scope["method"] in _SAFE:
            await self.django(scope, receive, send)
            return
        if media_type == HTML:
            media_type = JSON
        if scope["method"] == "HEAD":
            send = _without_body(send)
        try:
            await _serve(scope, headers, media_type, receive, send)
        except Refused as refused:
            body: Response = {"errors": [format_domain_error(refused.problem)]}
            if refused.status == 401:
                body["data"] = None  # clients that look at no errors see nobody's data rather than none
            kind = GRAPHQL if media_type == GRAPHQL else JSON
            await _reply(send, body, kind, refused.status, refused.headers)
        except ClientGone:
            pass


def _without_body(send: Send) -> Send:
    async def send_head(message: dict[str, Any]) -> None:
        await send(message | {"body": b""} if message["type"] == "http.response.body" else message)

    return send_head


async def _serve(
    scope: Scope, headers: Headers, media_type: str | None, receive: Receive, send: Send
) -> None:
    check_host(headers)
    if scope["method"] == "OPTIONS":  # no Access-Control headers: pages of other origins are not let in
        await send({"type": "http.response.start", "status": 204, "headers": [_ALLOW]})
        await send({"type": "http.response.body", "body": b""})
        return
    if scope["method"] not in (*_SAFE, "POST"):
        raise Refused(405, BadInput("Use GET or POST."), [_ALLOW])
    if media_type is None:
        raise Refused(406, BadInput(f"This server answers with {JSON}, {GRAPHQL} or {SSE}."))
    context = await _authenticate(scope, headers)
    if scope["method"] in _SAFE:
        await _answer(scope, media_type, context, params_of_url(scope), receive, send)
    elif body_kind(headers) == JSON_BODY:
        raw = await read_json(headers, receive)
        if isinstance(raw, list):
            await _reply(send, await _answer_batch(raw, media_type, context), media_type, 200)
        else:
            await _answer(scope, media_type, context, raw, receive, send)
    else:
        if context.caller is None:  # before a byte of it is stored
            raise Refused(401, Unauthenticated(NO_CREDENTIALS), [(b"connection", b"close")])
        with await read_upload(headers, receive) as request:
            await _answer(scope, media_type, context, request.operations, receive, send)


async def _authenticate(scope: Scope, headers: Headers) -> Context:
    """The context of the caller; an invalid token is an error, never an anonymous caller."""
    try:
        caller = await caller_from_scope_soon(scope)
        if caller is None or caller.session_key is not None:
            require_same_origin(scope, headers)
    except Unauthenticated as error:
        raise Refused(401, error, [(b"www-authenticate", b"Bearer")]) from None
    except Forbidden as error:
        raise Refused(403, error) from None
    return Context(caller, client_address(scope))


async def _answer(
    scope: Scope, media_type: str, context: Context, raw: object, receive: Receive, send: Send
) -> None:
    """Run the operation and send its response, or its events for a client that wants those."""
    with ExitStack() as held:
        try:
            if media_type == SSE:
                held.enter_context(counted_stream(context))
        except DomainError as error:
            raise _refused(error) from None
        await _answer_counted(scope, media_type, context, raw, receive, send)


async def _answer_counted(
    scope: Scope, media_type: str, context: Context, raw: object, receive: Receive, send: Send
) -> None:
    try:
        operation = await request_operation(raw, context)
    except DomainError as error:
        raise _refused(error) from None
    except InvalidDocument as invalid:
        if media_type == SSE:
            await send_events(None, [{"errors": invalid.errors}], context, receive, send)
        else:
            await _reply(send, {"errors": invalid.errors}, media_type, _request_error_status(media_type))
        return
    if scope["method"] in _SAFE and operation.kind is OperationType.MUTATION:
        raise Refused(405, BadInput("Send a mutation with POST."), [_ALLOW_POST])
    if media_type == SSE:
        wanted = None if scope["method"] == "HEAD" else operation
        await send_events(wanted, [], context, receive, send)
    elif operation.kind is OperationType.SUBSCRIPTION:
        raise Refused(_request_error_status(media_type), _no_stream())
    else:
        response = await run(operation, context)
        status = 200 if "data" in response else _request_error_status(media_type)
        await _reply(send, response, media_type, status)


def _refused(error: DomainError) -> Refused:
    wait = [] if error.retry_after_s is None else [(b"retry-after", b"%d" % math.ceil(error.retry_after_s))]
    return Refused(_STATUS_OF_CODE.get(error.code, 400), error, wait)


def _no_stream() -> BadInput:
    return BadInput(f"A subscription needs Accept: {SSE}, or a WebSocket.")


async def _answer_batch(raws: list[Any], media_type: str, context: Context) -> list[Response]:
    """The responses to several requests in one, in their order; each is prepared, charged and run by itself."""
    limit: int = settings.GRAPHQL_BATCH_MAX
    if limit == 0:
        raise Refused(400, BadInput("Arrays of operations are not taken here. Send a request for each."))
    if media_type == SSE:
        raise Refused(406, BadInput("An array of operations is answered as JSON."))
    if not 1 <= len(raws) <= limit:
        raise Refused(400, BadInput(f"An array may have 1 to {limit} operations."))
    return [await _answer_one(raw, context.fresh()) for raw in raws]


async def _answer_one(raw: object, context: Context) -> Response:
    try:
        operation: Operation = await request_operation(raw, context)
    except DomainError as error:
        return {"errors": [format_domain_error(error)]}
    except InvalidDocument as invalid:
        return {"errors": invalid.errors}
    if operation.kind is OperationType.SUBSCRIPTION:
        return {"errors": [format_domain_error(_no_stream())]}
    return await run(operation, context)


def _request_error_status(media_type: str) -> int:
    """GraphQL over HTTP: application/json answers 200 to what is well-formed; the newer type tells it apart."""
    return 400 if media_type == GRAPHQL else 200


async def _reply(
    send: Send,
    body: Response | list[Response],
    media_type: str,
    status: int,
    more_headers: list[tuple[bytes, bytes]] | None = None,
) -> None:
    encoded = orjson.dumps(body)
    headers = [
        (b"content-type", f"{media_type}; charset=utf-8".encode()),
        (b"content-length", str(len(encoded)).encode()),
        (b"cache-control", b"private, no-store"),
        (b"vary", b"Accept, Authorization, Cookie"),
        (b"x-content-type-options", b"nosniff"),
        *(more_headers or []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": encoded})
