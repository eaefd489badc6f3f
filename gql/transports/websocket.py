"""The `graphql-transport-ws` protocol on Channels (github.com/enisdenjo/graphql-ws, PROTOCOL.md)."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing, nullcontext
from secrets import token_hex
from typing import Any

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer
from graphql import OperationType

from chat.access.authentication import NO_SCHEME, Caller, bearer_token, caller_from_scope_soon
from chat.access.token_checks import current_token_checks
from chat.background import Tasks
from chat.counters import counters
from chat.errors import BadInput, DomainError, PayloadTooLarge, RateLimited, Unauthenticated
from chat.limiting import limits
from chat.limiting.limits import client_address
from chat.live.presence import ANYWHERE, check_connections, current_presence
from chat.sockets.protocol.websocket import text_frame
from chat.sockets.raw_frames import RawFrames, raw_frames_of
from gql.context import Context
from gql.errors import format_domain_error
from gql.execution import stream
from gql.protection.bytes import check_json
from gql.requests.documents import InvalidDocument
from gql.requests.operations import Operation
from gql.requests.persisted import request_operation
from gql.subscriptions.watch import WatchedCaller, watch_caller

SUBPROTOCOL = "graphql-transport-ws"
INIT_TIMEOUT_S = 10.0
MAX_OPERATIONS = 100
MAX_RUNNING = 10  # of those that are no subscriptions: results are in memory until the client takes them
MAX_MESSAGE_CHARACTERS = 1_000_000
UNSENT_MAX_BYTES = 4_000_000  # of results that wait for a slow reader; a single one may be longer
STALLED_S = 120.0  # without a word read by the client
CLOSE_TIMEOUT_S = 5.0

# Reasons of 4403. A close frame has room for 123 bytes.
NO_PROOF = 'Send connection_init with {"authorization": "Bearer <access token>"}, or a session cookie.'
NO_LONGER_HOLDS = "The access token or session no longer holds. Sign in again."


class _RawOutlet:
    """The raw frames of a socket as one subscription's outlet (gql.subscriptions.audience)."""

    __slots__ = ("_consumer", "_operation_id", "_raw", "_start", "_task")

    def __init__(self, consumer: "GraphQLConsumer", raw: RawFrames, operation_id: str) -> None:
        self._consumer = consumer
        self._raw = raw
        self._operation_id = operation_id
        self._task = asyncio.current_task()
        self._start = b'{"id":%b,"type":"next","payload":' % orjson.dumps(operation_id)

    @property
    def is_ready(self) -> bool:
        return not self._raw.is_paused and self._consumer.has_running(self._operation_id, self._task)

    def write(self, responses: Sequence[bytes], end: bytes) -> None:
        start = self._start
        self._raw.write(b"".join([text_frame(b"%b%b%b}" % (start, one, end)) for one in responses]))


class _Close(Exception):
    """Close the socket with a code of the protocol."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class GraphQLConsumer(AsyncWebsocketConsumer):
    """One socket: who called, and its running operations by the client's ids."""

    channel_layer_alias = ""  # events come through the hub; a channel of its own would be one more in Redis

    def __init__(self) -> None:
        super().__init__()
        self._watched: WatchedCaller | None = None
        self._name = token_hex(8)
        self._init_begun = False
        self._closed = False
        self._unsent_bytes = 0
        self._raw: RawFrames | None = None
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._turns = asyncio.Semaphore(MAX_RUNNING)
        self._late: asyncio.TimerHandle | None = None
        self._closing = Tasks()
        self._watch = AsyncExitStack()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Without Channels' visit to a thread before each message: the database is reached by `run_in_db` alone."""
        match message["type"]:
            case "websocket.connect":
                await self.websocket_connect(message)
            case "websocket.receive":
                await self.websocket_receive(message)
            case "websocket.disconnect":
                await self.websocket_disconnect(message)

    # ------------------------------------------------------------------------------------------ the socket

    async def connect(self) -> None:
        try:
            limits.check("handshakes", address=client_address(self.scope))
        except RateLimited:
            await self.close()  # before it is accepted: 403
            return
        if (raw := raw_frames_of(self.scope)) is not None:
            raw.ask_whether_known(lambda: self._watched is not None)
        offered = self.scope.get("subprotocols", ())
        if SUBPROTOCOL not in offered:
            await self.accept(*offered[:1])  # without one of its own a client would not hear of the code
            await self._close(4406, "Subprotocol not acceptable")
            return
        await self.accept(SUBPROTOCOL)
        self._raw = raw_frames_of(self.scope)
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(
            INIT_TIMEOUT_S, self._close_soon, 4408, "Connection initialisation timeout"
        )

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._closed:
            return
        try:
            await self._take(self._decode(text_data))
        except _Close as close:
            await self._close(close.code, close.reason)

    async def disconnect(self, code: int) -> None:
        self._closed = True
        if self._late is not None:
            self._late.cancel()
        await self._watch.aclose()
        if self._watched is not None:
            current_presence().leave(ANYWHERE, self._watched.user_id, self._name)
        running = list(self._operations.values())
        self._operations.clear()
        for task in running:
            task.cancel()
        await asyncio.gather(self._closing.cancel(), *running, return_exceptions=True)

    async def _close(self, code: int, reason: str) -> None:
        if not self._closed:
            self._closed = True
            await self.close(code=code, reason=reason)

    def _close_soon(self, code: int, reason: str) -> None:
        if self._closed or (code == 4408 and self._init_begun):
            return
        self._closing.begin(self._close(code, reason), "the closing of a WebSocket")

    async def _send(self, message: dict[str, Any]) -> None:
        """Returns once the client has taken most of what was sent before: what waits for that is bounded."""
        if self._closed:
            return
        encoded = orjson.dumps(message)
        if self._raw is not None and not self._raw.is_paused:
            self._raw.write(text_frame(encoded))
            return
        if self._unsent_bytes and self._unsent_bytes + len(encoded) > UNSENT_MAX_BYTES:
            self._cut_off()
            return
        self._unsent_bytes += len(encoded)
        try:
            async with asyncio.timeout(STALLED_S):
                await self.send(text_data=encoded.decode())
        except TimeoutError:
            self._cut_off()
        except OSError:
            pass  # the client has gone, and `disconnect` follows
        finally:
            self._unsent_bytes -= len(encoded)

    async def _send_errors(self, operation_id: str, errors: list[dict[str, Any]]) -> None:
        await self._send({"id": operation_id, "type": "error", "payload": errors})

    def _cut_off(self) -> None:
        """End a connection whose client reads too slowly for all that it asked for at once, or not at all."""
        if self._closed:
            return
        counters.slow_readers += 1
        self._close_soon(1013, "slow reader")
        for task in self._operations.values():
            task.cancel()
        self._operations.clear()
        if self._raw is not None:  # a server waits until all is read, if need be for ever
            asyncio.get_running_loop().call_later(CLOSE_TIMEOUT_S, self._raw.abort)

    # -------------------------------------------------------------------------------------- the protocol

    @staticmethod
    def _decode(text: str | None) -> dict[str, Any]:
        if text is None:
            raise _Close(4400, "Messages must be text")
        if len(text) > MAX_MESSAGE_CHARACTERS:
            raise _Close(1009, "Message too big")
        try:
            check_json(text)
            message = orjson.loads(text)
        except PayloadTooLarge:
            raise _Close(1009, "Message too big") from None
        except orjson.JSONDecodeError:
            raise _Close(4400, "Messages must be JSON") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise _Close(4400, "Messages must be objects with a type")
        return message

    async def _take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "connection_init":
                await self._init(message.get("payload"))
            case "ping":
                answer = {"type": "pong"}
                await self._send(answer | {"payload": message["payload"]} if "payload" in message else answer)
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                task = self._operations.pop(self._id_of(message), None)
                if task is not None:
                    task.cancel()
            case _:
                raise _Close(4400, "Unknown message type")

    @staticmethod
    def _id_of(message: dict[str, Any]) -> str:
        operation_id = message.get("id")
        if not isinstance(operation_id, str) or not operation_id:
            raise _Close(4400, "An operation needs an id")
        return operation_id

    async def _init(self, payload: object) -> None:
        if self._init_begun:
            raise _Close(4429, "Too many initialisation requests")
        if payload is not None and not isinstance(payload, dict):
            raise _Close(4400, "The payload must be an object")
        self._init_begun = True
        try:
            limits.check("connects", address=client_address(self.scope))
            caller = await self._authenticate(payload or {})
            limits.check("connects", user_id=caller.user.pk)
            check_connections(caller.user.pk)
        except Unauthenticated as error:
            raise _Close(4403, error.message) from None
        except RateLimited:
            raise _Close(1013, "Too many connections") from None
        if self._closed:
            return
        self._watched = self._watch.enter_context(watch_caller(caller, self._lost))
        current_presence().enter(ANYWHERE, self._watched.user_id, self._name)
        await self._send({"type": "connection_ack"})

    def _lost(self) -> None:
        self._close_soon(4403, NO_LONGER_HOLDS)  # clients take the code as "try again with a new token"

    async def _authenticate(self, payload: dict[str, Any]) -> Caller:
        value = payload.get("authorization", payload.get("Authorization"))
        if value is None:
            caller = await caller_from_scope_soon(self.scope)
            if caller is None:
                raise Unauthenticated(NO_PROOF)
            return caller
        token = bearer_token(value) if isinstance(value, str) else None
        if token is None:
            raise Unauthenticated(NO_SCHEME)
        return await current_token_checks().caller(token)

    # -------------------------------------------------------------------------------------- operations

    async def _subscribe(self, message: dict[str, Any]) -> None:
        if self._watched is None:
            raise _Close(4401, "Unauthorized")
        operation_id = self._id_of(message)
        if operation_id in self._operations:
            raise _Close(4409, f"Subscriber for {operation_id[:60]} already exists")
        if len(self._operations) >= MAX_OPERATIONS:
            counters.count_rate_limited()
            busy = RateLimited(f"At most {MAX_OPERATIONS} operations may run at once.")
            await self._send_errors(operation_id, [format_domain_error(busy)])
            return
        current_presence().note_activity(self._watched.user_id)
        context = Context(self._watched.caller, client_address(self.scope))
        try:
            operation = await request_operation(message.get("payload"), context)
        except BadInput as error:
            raise _Close(4400, error.message) from None
        except DomainError as error:
            await self._send_errors(operation_id, [format_domain_error(error)])
            return
        except InvalidDocument as invalid:
            await self._send_errors(operation_id, invalid.errors)
            return
        task = asyncio.create_task(self._run(operation_id, operation, context))
        self._operations[operation_id] = task

    async def _run(self, operation_id: str, operation: Operation, context: Context) -> None:
        end: dict[str, Any] = {"id": operation_id, "type": "complete"}
        is_live = operation.kind is OperationType.SUBSCRIPTION
        outlet = None if self._raw is None else _RawOutlet(self, self._raw, operation_id)
        try:
            async with (
                nullcontext() if is_live else self._turns,
                aclosing(stream(operation, context, outlet)) as responses,
            ):
                async for response in responses:
                    if not self._is_mine(operation_id):
                        return
                    if "data" not in response:  # refused before it began
                        end |= {"type": "error", "payload": response["errors"]}
                        break
                    await self._send({"id": operation_id, "type": "next", "payload": response})
        finally:
            is_mine = self._is_mine(operation_id)
            if is_mine:
                del self._operations[operation_id]
        if is_mine:
            await self._send(end)

    def _is_mine(self, operation_id: str) -> bool:
        """Whether the running task still has the id: the client may have completed it, and used the id again."""
        return self._operations.get(operation_id) is asyncio.current_task()

    def has_running(self, operation_id: str, task: asyncio.Task[None] | None) -> bool:
        """Whether the socket is open, and the task still has the id."""
        return not self._closed and self._operations.get(operation_id) is task
