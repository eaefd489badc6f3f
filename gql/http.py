"""GraphQL over HTTP: an ASGI application in front of Django's handler, which costs more than a small query.

It follows the GraphQL-over-HTTP specification (GET queries, POST, both media types), the GraphQL multipart request
specification for uploads, and the distinct connections mode of GraphQL over SSE. A browser that asks for a page is
passed on to Django, which serves GraphiQL.
"""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import orjson
from django.conf import settings
from django.http.request import validate_host
from graphql import OperationType

from chat.authentication import NO_CREDENTIALS, caller_from_scope
from chat.database import run_in_db
from chat.errors import BadInput, DomainError, Forbidden, PayloadTooLarge, Unauthenticated
from chat.limits import client_address
from gql.context import Context
from gql.documents import InvalidDocument
from gql.errors import format_domain_error
from gql.execution import run
from gql.multipart import MultipartRequest, read_multipart
from gql.negotiation import GRAPHQL, HTML, JSON, SSE, negotiate
from gql.operations import Operation, Params, parse_params, prepare
from gql.same_origin import require_same_origin
from gql.sse import send_events

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Any, Any], Awaitable[None]]
Headers = dict[bytes, bytes]

PATHS = ("/graphql", "/graphql/")
_STATUS_OF_CODE = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "PAYLOAD_TOO_LARGE": 413}


class Refused(Exception):
    """The request ends here, with a status and, where useful, an error in the body."""

    def __init__(
        self, status: int, problem: DomainError, headers: list[tuple[bytes, bytes]] | None = None
    ) -> None:
        super().__init__(problem.message)
        self.status = status
        self.problem = problem
        self.headers = headers or []


class ClientGone(Exception):
    """The client closed the connection before its request was read."""


class GraphQLEndpoint:
    """Serves `/graphql`; every other path, and pages for browsers, go to `django`."""

    def __init__(self, django: App) -> None:
        self.django = django

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in PATHS:
            await self.django(scope, receive, send)
            return
        headers: Headers = dict(scope["headers"])
        media_type = negotiate(headers.get(b"accept", b"").decode("latin-1"))
        if media_type == HTML and scope["method"] in ("GET", "HEAD"):
            await self.django(scope, receive, send)
            return
        if media_type == HTML:
            media_type = JSON
        try:
            await _serve(scope, headers, media_type, receive, send)
        except Refused as refused:
            body: dict[str, Any] = {"errors": [format_domain_error(refused.problem)]}
            if refused.status == 401:
                body["data"] = None  # clients that look at no errors see nobody's data rather than none
            await _reply(
                send, body, media_type if media_type == GRAPHQL else JSON, refused.status, refused.headers
            )
        except ClientGone:
            pass


async def _serve(
    scope: Scope, headers: Headers, media_type: str | None, receive: Receive, send: Send
) -> None:
    _check_host(headers)
    if scope["method"] not in ("GET", "POST"):
        raise Refused(405, BadInput("Use GET or POST."), [(b"allow", b"GET, POST")])
    if media_type is None:
        raise Refused(406, BadInput(f"This server answers with {JSON}, {GRAPHQL} or {SSE}."))
    context = await _authenticate(scope, headers)
    if scope["method"] == "GET":
        await _answer(scope, media_type, context, _params_of_url(scope), receive, send)
        return
    content_type = headers.get(b"content-type", b"").decode("latin-1")
    match content_type.partition(";")[0].strip().lower():
        case "application/json":
            params = _parse(await _read_json(headers, receive))
            await _answer(scope, media_type, context, params, receive, send)
        case "multipart/form-data":
            if context.caller is None:  # before a byte of it is stored
                raise Refused(401, Unauthenticated(NO_CREDENTIALS), [(b"connection", b"close")])
            with await _read_upload(headers, content_type, receive) as request:
                await _answer(scope, media_type, context, _parse(request.operations), receive, send)
        case _:
            raise Refused(415, BadInput("Send application/json or multipart/form-data."))


def _check_host(headers: Headers) -> None:
    """Django checks the Host header of its own requests; without this a page could rebind its name to this server."""
    host = headers.get(b"host", b"").decode("latin-1")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if not validate_host(name.lower(), settings.ALLOWED_HOSTS):
        raise Refused(400, BadInput("This host name is not served here: see ALLOWED_HOSTS."))


async def _authenticate(scope: Scope, headers: Headers) -> Context:
    """The context of the caller; an invalid token is an error, never an anonymous caller."""
    try:
        caller = await run_in_db(caller_from_scope, scope)
        if caller is None or caller.session_key is not None:
            require_same_origin(scope, headers)
    except Unauthenticated as error:
        raise Refused(401, error, [(b"www-authenticate", b"Bearer")]) from None
    except Forbidden as error:
        raise Refused(403, error) from None
    return Context(caller, client_address(scope))


def _params_of_url(scope: Scope) -> Params:
    try:
        pairs = parse_qs(scope["query_string"].decode("ascii"), max_num_fields=20)
        given = {name: values[0] for name, values in pairs.items()}
        raw: dict[str, Any] = {name: given[name] for name in ("query", "operationName") if name in given}
        for name in ("variables", "extensions"):
            raw[name] = orjson.loads(given[name]) if name in given else None
    except ValueError:
        raise Refused(400, BadInput("The address's parameters cannot be read.")) from None
    return _parse(raw)


def _parse(raw: object) -> Params:
    try:
        return parse_params(raw)
    except BadInput as error:
        raise Refused(400, error) from None


def _check_length(headers: Headers, limit_bytes: int) -> None:
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > limit_bytes:
        raise _too_large(limit_bytes)


def _too_large(limit_bytes: int) -> Refused:
    problem = PayloadTooLarge(f"A request of this kind may have at most {limit_bytes:,} bytes.")
    return Refused(413, problem, [(b"connection", b"close")])


async def _read_json(headers: Headers, receive: Receive) -> object:
    limit_bytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    _check_length(headers, limit_bytes)
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > limit_bytes:
            raise _too_large(limit_bytes)
        more = message.get("more_body", False)
    try:
        return orjson.loads(bytes(body))
    except orjson.JSONDecodeError:
        raise Refused(400, BadInput("The body is not JSON.")) from None


async def _read_upload(headers: Headers, content_type: str, receive: Receive) -> MultipartRequest:
    limit_bytes = settings.UPLOAD_MAX_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    _check_length(headers, limit_bytes)
    try:
        request = await read_multipart(content_type, receive, limit_bytes=limit_bytes)
    except DomainError as error:
        raise Refused(_STATUS_OF_CODE.get(error.code, 400), error, [(b"connection", b"close")]) from None
    if request is None:
        raise ClientGone
    return request


async def _answer(
    scope: Scope, media_type: str, context: Context, params: Params, receive: Receive, send: Send
) -> None:
    """Run the operation and send its response, or its events for a client that wants those."""
    try:
        operation = await prepare(params)
    except InvalidDocument as invalid:
        if media_type == SSE:
            await send_events(None, [{"errors": invalid.errors}], context, receive, send)
        else:
            await _reply(send, {"errors": invalid.errors}, media_type, _request_error_status(media_type))
        return
    if scope["method"] == "GET" and operation.kind is OperationType.MUTATION:
        raise Refused(405, BadInput("Send a mutation with POST."), [(b"allow", b"POST")])
    if media_type == SSE:
        await send_events(operation, [], context, receive, send)
    elif operation.kind is OperationType.SUBSCRIPTION:
        status = 405 if scope["method"] == "GET" else _request_error_status(media_type)
        raise Refused(status, BadInput(f"A subscription needs Accept: {SSE}, or a WebSocket."))
    else:
        await _reply_with_result(operation, context, media_type, send)


async def _reply_with_result(operation: Operation, context: Context, media_type: str, send: Send) -> None:
    response = await run(operation, context)
    status = 200 if "data" in response else _request_error_status(media_type)
    await _reply(send, response, media_type, status)


def _request_error_status(media_type: str) -> int:
    """GraphQL over HTTP: application/json answers 200 to what is well-formed; the newer type tells it apart."""
    return 400 if media_type == GRAPHQL else 200


async def _reply(
    send: Send,
    body: dict[str, Any],
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
