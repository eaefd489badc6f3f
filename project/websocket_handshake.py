"""RFC 6455, section 4.2: what a request to open a WebSocket has to say, and the server's answers. Pure."""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

Headers = Sequence[tuple[bytes, bytes]]  # names in lower case
HEADERS_MAX = 128
HEADERS_MAX_BYTES = 65_536  # a browser with every cookie it may have stays below it
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION = b"13"
_KEY_BYTES = 16


class HandshakeError(Exception):
    """The request cannot open a WebSocket; the answer has this status, text and headers."""

    def __init__(self, status: HTTPStatus, text: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers


def handshake_key(method: str, http_version: str, headers: Headers) -> bytes:
    """The key of a request whose `Connection` and `Upgrade` headers ask for a WebSocket.

    Raises:
        HandshakeError: it is not as the RFC wants it.
    """
    if method != "GET":
        raise HandshakeError(HTTPStatus.METHOD_NOT_ALLOWED, "Use GET.", [(b"allow", b"GET")])
    if http_version != "1.1":
        raise HandshakeError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "Use HTTP/1.1.")
    if len(headers) > HEADERS_MAX or sum(len(value) for _, value in headers) > HEADERS_MAX_BYTES:
        raise HandshakeError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "Too many headers.")
    if _only(headers, b"sec-websocket-version") != _VERSION:
        raise HandshakeError(
            HTTPStatus.UPGRADE_REQUIRED, "Use version 13.", [(b"sec-websocket-version", _VERSION)]
        )
    if any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in headers
    ):
        raise HandshakeError(HTTPStatus.BAD_REQUEST, "A handshake has no body.")
    key = _only(headers, b"sec-websocket-key")
    try:
        if len(binascii.a2b_base64(key, strict_mode=True)) == _KEY_BYTES:
            return key
    except binascii.Error:
        pass  # it is refused with those of another length
    raise HandshakeError(HTTPStatus.BAD_REQUEST, "Sec-WebSocket-Key is not 16 bytes in base64.")


def _only(headers: Headers, wanted: bytes) -> bytes:
    """The value of a header; empty where it is missing or there are several."""
    values = [value for name, value in headers if name == wanted]
    return values[0] if len(values) == 1 else b""


def websocket_scope(
    request: dict[str, Any], url: bytes, *, root_path: str, asgi_version: str
) -> dict[str, Any]:
    """The ASGI scope of a WebSocket that `request`, a scope as far as the headers, asks for; without extensions.

    Raises:
        HandshakeError: the path of `url` is not ASCII.
    """
    raw_path, _, query = url.partition(b"?")
    try:
        path = unquote(raw_path.decode("ascii"))
    except UnicodeDecodeError:
        raise HandshakeError(HTTPStatus.BAD_REQUEST, "The path is not ASCII.") from None
    return {
        "type": "websocket",
        "asgi": {"version": asgi_version, "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss" if request["scheme"] == "https" else "ws",
        "server": request["server"],
        "client": request["client"],
        "root_path": root_path,
        "path": root_path + path,
        "raw_path": root_path.encode("ascii") + raw_path,
        "query_string": query,
        "headers": request["headers"],
        "subprotocols": subprotocols(request["headers"]),
        "state": request["state"],
    }


def accepting(key: bytes, headers: Headers) -> bytes:
    """The response that opens the WebSocket; `headers` come on top of what the RFC asks for."""
    proof = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    lines = [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ",
        proof,
        b"\r\n",
    ]
    for name, value in headers:
        lines += (name, b": ", value, b"\r\n")
    return b"".join((*lines, b"\r\n"))


def refusing(status: HTTPStatus, text: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A response that refuses the WebSocket; the connection is closed after it."""
    body = text.encode()
    lines = [f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()]
    for name, value in (
        *headers,
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ):
        lines += (name, b": ", value, b"\r\n")
    return b"".join((*lines, b"\r\n", body))


def subprotocols(headers: Headers) -> list[str]:
    """What the client offers to speak, in its order."""
    offered = [value for name, value in headers if name == b"sec-websocket-protocol"]
    return [
        word for value in offered for part in value.decode("latin-1").split(",") if (word := part.strip())
    ]
