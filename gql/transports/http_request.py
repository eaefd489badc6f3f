"""Reading a GraphQL request over HTTP: its address, its host, its body within limits."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

import orjson
from django.conf import settings
from django.http.request import validate_host

from chat.errors import BadInput, DomainError, PayloadTooLarge
from gql.protection.bytes import check_json
from gql.transports.multipart import MultipartRequest, read_multipart
from gql.transports.negotiation import is_utf_8

Scope = dict[str, Any]
Headers = dict[bytes, bytes]
Receive = Callable[[], Awaitable[dict[str, Any]]]

JSON_BODY = "application/json"
MULTIPART_BODY = "multipart/form-data"
_MEMBERS_AS_TEXT = ("query", "documentId", "operationName")
_MEMBERS_AS_JSON = ("variables", "extensions")


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


def header(headers: Headers, name: bytes) -> str:
    """The header's value, "" where it is missing."""
    return headers.get(name, b"").decode("latin-1")


def check_host(headers: Headers) -> None:
    """Django checks the Host header of its own requests; without this a page could rebind its name to this server.

    Raises:
        Refused: 400.
    """
    host = header(headers, b"host")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if not validate_host(name.lower(), settings.ALLOWED_HOSTS):
        raise Refused(400, BadInput("This host name is not served here: see ALLOWED_HOSTS."))


def params_of_url(scope: Scope) -> dict[str, Any]:
    """The request in an address, as the body of a POST would say it. What is empty there is not given.

    Raises:
        Refused: 400.
    """
    try:
        pairs = parse_qs(scope["query_string"].decode("ascii"), max_num_fields=20)
        given = {name: values[0] for name, values in pairs.items()}
        raw: dict[str, Any] = {name: given[name] for name in _MEMBERS_AS_TEXT if name in given}
        for name in _MEMBERS_AS_JSON:
            raw[name] = orjson.loads(given[name]) if name in given else None
        return raw
    except ValueError:
        raise Refused(400, BadInput("The address's parameters cannot be read.")) from None


def body_kind(headers: Headers) -> str:
    """`JSON_BODY` or `MULTIPART_BODY`.

    Raises:
        Refused: 415, for any other type, character set or compression.
    """
    content_type = header(headers, b"content-type")
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (JSON_BODY, MULTIPART_BODY):
        accepted = [(b"accept", f"{JSON_BODY}, {MULTIPART_BODY}".encode())]
        raise Refused(415, BadInput(f"Send {JSON_BODY} or {MULTIPART_BODY}."), accepted)
    if not is_utf_8(content_type):
        raise Refused(415, BadInput("Send UTF-8."))
    if header(headers, b"content-encoding").strip().lower() not in ("", "identity"):
        raise Refused(415, BadInput("Send the body uncompressed."), [(b"accept-encoding", b"identity")])
    return kind


async def read_json(headers: Headers, receive: Receive) -> object:
    """The body as JSON, read no further than it may be long.

    Raises:
        Refused: 400 for what is no JSON, 413. ClientGone.
    """
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
        check_json(bytes(body))
        return orjson.loads(bytes(body))
    except PayloadTooLarge as error:
        raise Refused(413, error) from None
    except orjson.JSONDecodeError:
        raise Refused(400, BadInput("The body is not JSON.")) from None


async def read_upload(headers: Headers, receive: Receive) -> MultipartRequest:
    """A request with files, which are deleted at the end of its `with` block.

    Raises:
        Refused: 400 for what is no such request, 413. ClientGone.
    """
    limit_bytes = settings.UPLOAD_MAX_BYTES + settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    _check_length(headers, limit_bytes)
    try:
        request = await read_multipart(header(headers, b"content-type"), receive, limit_bytes=limit_bytes)
    except PayloadTooLarge as error:
        raise Refused(413, error, [(b"connection", b"close")]) from None
    except BadInput as error:
        raise Refused(400, error, [(b"connection", b"close")]) from None
    if request is None:
        raise ClientGone
    return request


def _check_length(headers: Headers, limit_bytes: int) -> None:
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and (len(length) > 18 or int(length) > limit_bytes):
        raise _too_large(limit_bytes)


def _too_large(limit_bytes: int) -> Refused:
    problem = PayloadTooLarge(f"That is too large: at most {limit_bytes // 2**20} MB can be sent at once.")
    return Refused(413, problem, [(b"connection", b"close")])
