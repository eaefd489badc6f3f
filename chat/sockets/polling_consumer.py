"""The HTTP long-polling transport of Engine.IO on Channels.

A session belongs to whoever knows its id, 120 random bits that only the handshake's answer tells. Who that is for the
application follows from the handshake alone: a later request with a cookie adds nothing to a session.
"""

import asyncio
from enum import Enum
from urllib.parse import parse_qs

import orjson
from channels.generic.http import AsyncHttpConsumer
from django.conf import settings

from chat.errors import RateLimited
from chat.limiting.strangers import STRANGER_MAX_BYTES
from chat.sockets.polling import (
    BadRequest,
    EngineServer,
    PollingTransport,
    Receive,
    Scope,
    Send,
    SessionElsewhere,
    SessionUnknown,
    Unreachable,
)
from chat.sockets.protocol.engineio import PROTOCOL_VERSION

POST_MAX_S = 30.0  # for a whole body, however steadily its bytes trickle in
TEXT, JSON = b"text/plain; charset=UTF-8", b"application/json"
Transport = PollingTransport | SessionElsewhere


class Problem(Enum):
    """The errors of the reference server, by their number."""

    TRANSPORT = (0, "Transport unknown")
    SESSION = (1, "Session ID unknown")
    HANDSHAKE_METHOD = (2, "Bad handshake method")
    REQUEST = (3, "Bad request")
    VERSION = (5, "Unsupported protocol version")


class Refused(Exception):
    """The request ends here. A problem becomes the body `{code, message}`."""

    def __init__(self, problem: Problem | None, status: int = 400) -> None:
        super().__init__(problem)
        self.problem = problem
        self.status = status


class ClientGone(Exception):
    """There is nobody to answer."""


class PollingConsumer(AsyncHttpConsumer):
    """One request: the handshake, a poll, or a POST of packets."""

    def __init__(self, server: EngineServer) -> None:
        super().__init__()
        self.server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Channels' own loop collects bodies of any length, and does not see a client go while its answer waits."""
        self.scope, self.base_send, self._receive = scope, send, receive
        try:
            status, body, kind = 200, await self._answer(), TEXT
        except Refused as refused:
            status, body, kind = refused.status, b"", JSON
            if refused.problem is not None:
                code, message = refused.problem.value
                body = orjson.dumps({"code": code, "message": message})
        except RateLimited as limited:
            status, body, kind = 429, orjson.dumps(limited.as_dict()), JSON
        except ClientGone:
            return
        await self.send_response(status, body, headers=self._headers(status, kind, body))

    def _headers(self, status: int, kind: bytes, body: bytes) -> list[tuple[bytes, bytes]]:
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        ]
        if status in (408, 413):
            headers.append((b"connection", b"close"))
        origin = dict(self.scope["headers"]).get(b"origin")
        if origin is not None and self.server.allow_origin(self.scope):
            headers += [
                (b"access-control-allow-origin", origin),
                (b"access-control-allow-credentials", b"true"),
                (b"access-control-allow-headers", b"authorization, content-type"),
                (b"vary", b"origin"),
            ]
        return headers

    # ------------------------------------------------------------------------------------------- requests

    async def _answer(self) -> bytes:
        method = self.scope["method"]
        if method == "OPTIONS" and self.server.allow_origin(self.scope):
            return b""
        transport = self._session()
        if transport is None:
            if method != "GET":
                raise Refused(Problem.HANDSHAKE_METHOD)
            if self.server.is_full:
                raise Refused(None, 503)
            return await (await self.server.open_polling(self.scope)).poll()
        try:
            return await self._pass_on(method, transport)
        except BadRequest:
            raise Refused(Problem.REQUEST) from None
        except SessionUnknown:
            raise Refused(Problem.SESSION) from None
        except Unreachable:
            raise Refused(None, 503) from None

    async def _pass_on(self, method: str, transport: Transport) -> bytes:
        if method == "GET":
            return await self._poll(transport)
        if method != "POST":
            raise BadRequest
        await transport.post(lambda: self._read_body(transport))
        return b"ok"

    def _session(self) -> Transport | None:
        """The session that the address names, or None for a handshake."""
        query = parse_qs(self.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        match query.get("transport"):
            case ["polling"]:
                pass
            case ["websocket"]:  # without the upgrade of the connection that it needs
                raise Refused(Problem.REQUEST)
            case _:
                raise Refused(Problem.TRANSPORT)
        if query.get("EIO") != [PROTOCOL_VERSION]:
            raise Refused(Problem.VERSION)
        if "sid" not in query:
            return None
        transport = self.server.find(query["sid"][0])
        if transport is None:
            raise Refused(Problem.SESSION)
        return transport

    async def _poll(self, transport: Transport) -> bytes:
        poll = asyncio.ensure_future(transport.poll())
        gone = asyncio.ensure_future(self._disconnected())
        try:
            await asyncio.wait((poll, gone), return_when=asyncio.FIRST_COMPLETED)
            if poll.done():
                return poll.result()
        finally:
            poll.cancel()
            gone.cancel()
        transport.abandon()
        raise ClientGone

    async def _disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _read_body(self, transport: Transport) -> bytes:
        try:
            async with asyncio.timeout(POST_MAX_S):
                return await self._read_packets(transport)
        except TimeoutError:
            transport.close("slow writer")
            raise Refused(None, 408) from None

    async def _read_packets(self, transport: Transport) -> bytes:
        is_stranger = isinstance(transport, PollingTransport) and not transport.session.is_known
        limit = STRANGER_MAX_BYTES if is_stranger else settings.SOCKET_MAX_PAYLOAD_BYTES
        length = dict(self.scope["headers"]).get(b"content-length", b"")
        too_large = length.isdigit() and int(length) > limit
        body, more = bytearray(), True
        while more and not too_large:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                transport.abandon()
                raise ClientGone
            body += message.get("body", b"")
            too_large = len(body) > limit
            more = message.get("more_body", False)
        if too_large:  # the packets in it are lost, so the session cannot go on
            transport.close("payload too large")
            raise Refused(None, 413)
        return bytes(body)
