"""How much of a request's body is read, from whom, and how slowly it may come.

Django stores a whole body on disk before any of its checks runs, so this stands in front of it. `/graphql` and
`/socket.io` count for themselves (gql/transports/http.py, chat/sockets/polling_consumer.py); here they only get
the deadline.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from chat.access.authentication import caller_from_scope_soon
from chat.errors import Unauthenticated

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

DRAIN_MAX_BYTES = 32 * 1024 * 1024
DRAIN_MAX_S = 10.0
SILENCE_S = 60.0  # without a byte of a body that was announced
_UPLOADS = re.compile(r"/documents/|/rooms/\d+/files/")
_COUNTS_FOR_ITSELF = ("/graphql", "/graphql/", "/socket.io", "/socket.io/")
_PAGE = "<!doctype html><html lang=en><title>{0}</title><h1>{0}</h1><p>{1}</p></html>"


class RequestLimits:
    """Passes requests on to `app`, and answers 413 or 408 to one whose body is too large or does not come."""

    def __init__(self, app: Callable[..., Awaitable[None]], *, silence_s: float = SILENCE_S) -> None:
        self._app = app
        self._silence_s = silence_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit_bytes = None if scope["path"] in _COUNTS_FOR_ITSELF else await _limit_bytes(scope)
        if limit_bytes is not None and _announced_bytes(scope) > limit_bytes:
            await _drain(receive)
            await _refuse(scope, send, 413, limit_bytes)
            return
        body = _Body(receive, send, limit_bytes, self._silence_s, has_body=_has_body(scope))
        await self._app(scope, body.receive, body.send)
        if body.refusal and not body.is_answered:
            if body.refusal == 413:
                await _drain(receive)
            await _refuse(scope, send, body.refusal, limit_bytes or 0)


class _Body:
    """Counts a body on its way. One that breaks a rule ends for the application as if the client had gone."""

    def __init__(
        self, receive: Receive, send: Send, limit_bytes: int | None, silence_s: float, *, has_body: bool
    ) -> None:
        self._receive, self._send = receive, send
        self._limit_bytes, self._silence_s = limit_bytes, silence_s
        self._received_bytes = 0
        self._is_complete = not has_body
        self.refusal = 0  # a status
        self.is_answered = False

    async def receive(self) -> dict[str, Any]:
        if self.refusal:
            return {"type": "http.disconnect"}
        try:
            # After the body comes only the end of the connection, which may take as long as it likes.
            async with asyncio.timeout(None if self._is_complete else self._silence_s):
                message = await self._receive()
        except TimeoutError:
            self.refusal = 408
            return {"type": "http.disconnect"}
        if message["type"] == "http.request":
            self._is_complete = not message.get("more_body", False)
            self._received_bytes += len(message.get("body", b""))
            if self._limit_bytes is not None and self._received_bytes > self._limit_bytes:
                self.refusal = 413
                return {"type": "http.disconnect"}
        return message

    async def send(self, message: dict[str, Any]) -> None:
        self.is_answered = True
        if message["type"] == "http.response.start" and message["status"] >= 400 and not self._is_complete:
            self._is_complete = True
            await _drain(self._receive)
        await self._send(message)


async def _drain(receive: Receive) -> None:
    """Take the rest of a body and forget it: a client that is cut off while it writes never reads the answer.

    Up to `DRAIN_MAX_BYTES` and `DRAIN_MAX_S`; who sends more than that is cut off.
    """
    left_bytes = DRAIN_MAX_BYTES
    try:
        async with asyncio.timeout(DRAIN_MAX_S):
            while left_bytes > 0:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
                left_bytes -= len(message.get("body", b""))
    except TimeoutError:
        return


def _has_body(scope: Scope) -> bool:
    return _announced_bytes(scope) > 0 or bool(_header(scope, b"transfer-encoding"))


async def _limit_bytes(scope: Scope) -> int:
    """The most bytes the request's body may have."""
    limit_bytes: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if scope["method"] == "POST" and _UPLOADS.fullmatch(scope["path"]) and await _is_signed_in(scope):
        limit_bytes += settings.UPLOAD_MAX_BYTES
    return limit_bytes


async def _is_signed_in(scope: Scope) -> bool:
    try:
        return await caller_from_scope_soon(scope) is not None
    except Unauthenticated:
        return False


def _announced_bytes(scope: Scope) -> int:
    value = _header(scope, b"content-length")
    return int(value) if value.isdigit() and len(value) < 20 else 0


def _header(scope: Scope, wanted: bytes) -> bytes:
    return next((bytes(value) for name, value in scope["headers"] if name == wanted), b"")


async def _refuse(scope: Scope, send: Send, status: int, limit_bytes: int) -> None:
    if status == 413:
        title, code = "Too large", "PAYLOAD_TOO_LARGE"
        message = f"That is too large: at most {limit_bytes // 2**20} MB can be sent at once."
    else:
        title, code = "Too slow", "BAD_USER_INPUT"
        message = "The rest of the request did not come."
    if b"text/html" in _header(scope, b"accept"):
        media_type, body = b"text/html; charset=utf-8", _PAGE.format(title, message).encode()
    else:
        media_type = b"application/json"
        body = json.dumps({"error": {"code": code, "message": message}}).encode()
    headers = [
        (b"content-type", media_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
