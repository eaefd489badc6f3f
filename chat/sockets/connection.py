"""One client of Socket.IO: all its namespaces over one Engine.IO session.

It decodes, keeps the order of what a client sends, bounds what waits, and turns errors into acknowledgements.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Coroutine, Mapping
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError

from chat.background import Tasks
from chat.errors import DomainError, PayloadTooLarge, RateLimited, TooManyConnections, Unavailable
from chat.limiting import limits
from chat.limiting.limits import client_address
from chat.limiting.strangers import STRANGER_MAX_BYTES, current_strangers
from chat.limiting.token_bucket import TokenBucket
from chat.sockets.credentials import credentials_of
from chat.sockets.engine import Session
from chat.sockets.inbox import Inbox
from chat.sockets.namespaces import Later, Namespace, Reply, Result, Socket, Wire
from chat.sockets.protocol.engineio import Encoded
from chat.sockets.protocol.errors import ProtocolError
from chat.sockets.protocol.socketio import Decoder, Packet, PacketType, encode, parse_header

log = logging.getLogger(__name__)
CONNECT_TIMEOUT_S = 10.0
AT_ONCE_MAX = 64  # packets that are handled as they are read; then the event loop has a turn
REFUSALS_PER_S, REFUSALS_BURST = 5, 300  # of a client that goes on when it is told to wait
REFUSED_CONNECTS_PER_S, REFUSED_CONNECTS_BURST = 0.1, 5  # of one that may not enter a namespace
_ENDING = Tasks()


class Connection:
    """All namespaces of one client over its session. Packets are handled one after the other, in their order."""

    def __init__(self, namespaces: Mapping[str, Namespace[Any]], scope: Mapping[str, Any]) -> None:
        self.scope = credentials_of(scope)
        self.address = client_address(scope)
        self.session = Session(on_message=self._receive, on_close=self._closed)
        self.ended: asyncio.Task[None] | None = None
        self._namespaces = namespaces
        self._sockets: dict[str, Socket] = {}
        self._decoder = Decoder(settings.SOCKET_MAX_PAYLOAD_BYTES)
        self._inbox = Inbox()
        self._at_once = 0  # packets handled as they were read, since the worker's last start
        self._received_bytes = 0  # of a packet whose attachments are still to come
        self._patience = TokenBucket(REFUSALS_PER_S, REFUSALS_BURST)
        self._connect_patience = TokenBucket(REFUSED_CONNECTS_PER_S, REFUSED_CONNECTS_BURST)
        self._is_connecting = False
        self._worker: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._guard = self._await_connect()

    def _await_connect(self) -> asyncio.TimerHandle:
        self.session.is_known = False
        current_strangers().add(self.address, self)
        return self._loop.call_later(CONNECT_TIMEOUT_S, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if self._is_connecting:  # it is the server that takes its time
            self._guard = self._loop.call_later(CONNECT_TIMEOUT_S, self._close_if_idle)
        elif not self._sockets:
            self.session.close("no namespace was connected to")

    def _stop_guard(self) -> None:
        self._guard.cancel()
        current_strangers().discard(self.address, self)

    # ----------------------------------------------------------------------------------------- receiving

    def _receive(self, message: Encoded) -> None:
        try:
            if self._is_too_large(message):
                return self._refuse_too_large(message)
            packet = self._decoder.feed(message)
        except ProtocolError:
            return self.session.close("parse error")
        self._received_bytes += len(message)
        if packet is None:
            return
        if packet.type is PacketType.ACK and packet.namespace in self._sockets:
            self._received_bytes = 0
            self._sockets[packet.namespace].acknowledged(packet)  # whoever waits for it may hold up the inbox
            return
        size_bytes, self._received_bytes = self._received_bytes, 0
        if self._worker is not None and not self._worker.done():
            return self._inbox.put(packet, size_bytes)
        if self._at_once < AT_ONCE_MAX:  # a task for each packet would cost as much as most events
            self._at_once += 1
            if (pending := self._handle(packet)) is not None:
                self._worker = self._loop.create_task(self._work(pending))
        else:
            self._inbox.put(packet, size_bytes)
            self._worker = self._loop.create_task(self._work())

    def _is_too_large(self, message: Encoded) -> bool:
        limit: int = settings.SOCKET_MAX_PAYLOAD_BYTES
        if not self._sockets:
            limit = min(limit, STRANGER_MAX_BYTES)
        if len(message) > limit:
            return True
        return isinstance(message, str) and len(message) * 4 > limit and len(message.encode()) > limit

    def _refuse_too_large(self, message: Encoded) -> None:
        header = parse_header(message) if isinstance(message, str) else None
        if header is None or header.type is not PacketType.EVENT or header.namespace not in self._sockets:
            return self.session.close("payload too large")
        problem = PayloadTooLarge(f"A packet may have at most {settings.SOCKET_MAX_PAYLOAD_BYTES:,} bytes.")
        self._acknowledge(self._sockets[header.namespace], header.id, _refusal(problem))

    @property
    def is_full(self) -> bool:
        """Whether enough packets wait: a transport waits for `settled` before it reads on."""
        return self._inbox.is_full and self._worker is not None

    async def settled(self) -> None:
        """Return once there is room for more packets."""
        if self._inbox.is_full and self._worker is not None:
            await asyncio.wait([self._worker])

    async def _work(self, pending: Awaitable[None] | None = None) -> None:
        """Finish a packet that has to be awaited, then handle those that came meanwhile."""
        self._at_once = 0
        if pending is not None:
            await pending
        while (packet := self._inbox.take()) is not None:
            if (pending := self._handle(packet)) is not None:
                await pending

    def _handle(self, packet: Packet) -> Awaitable[None] | None:
        """Handle a packet. What is left to await, if anything, must be over before the next one is handled."""
        socket = self._sockets.get(packet.namespace)
        if packet.type is PacketType.CONNECT and socket is None:
            return self._enter(packet)
        if socket is None or packet.type in (PacketType.CONNECT, PacketType.CONNECT_ERROR):
            self.session.close("parse error")  # as the reference server does
        elif packet.type is PacketType.EVENT:
            return self._event(socket, packet)
        elif packet.type is PacketType.DISCONNECT:
            socket.parted = True
            return self._leave(socket, "client namespace disconnect")
        return None

    async def _enter(self, packet: Packet) -> None:
        self._is_connecting = True
        try:
            await self._connect(packet)
        finally:
            self._is_connecting = False

    async def _connect(self, packet: Packet) -> None:
        name = packet.namespace
        namespace = self._namespaces.get(name)
        if namespace is None:  # in the words of the reference server
            return self._refuse_connect(name, {"message": "Invalid namespace"})
        try:
            limits.check("connects", address=self.address)
            socket = await namespace.connect(self, packet.data or {})
        except TooManyConnections as error:
            return self._refuse_connect(name, _connect_error(_refusal(error)["error"]))
        except (Unavailable, RateLimited, OperationalError, InterfaceError) as error:
            # Nothing is said: stock clients take a refusal for the last word, and come back after a lost connection.
            log.debug("a client is to come back later: %s", error)
            return self.session.close("unavailable")
        except DomainError as error:
            return self._refuse_connect(name, _connect_error(_refusal(error)["error"]))
        except Exception:  # a bug is logged and told by its id, so that no client waits for ever
            return self._refuse_connect(name, _connect_error(_unexpected("connect")))
        self._sockets[name] = socket
        self.session.is_known = True
        self._stop_guard()
        try:
            socket.send(Packet(PacketType.CONNECT, name, socket.greeting()))
            namespace.connected(socket)
        except Exception:  # it is half connected, and would wait for what never comes
            self._fail("connect")

    def _refuse_connect(self, name: str, data: Wire) -> None:
        self._send(Packet(PacketType.CONNECT_ERROR, name, data))
        if not self._connect_patience.take(self._loop.time()):
            self._inbox.clear()
            self.session.close("went on after many refusals")

    def _fail(self, event: object) -> None:
        """Log a bug that the client cannot be told of, and end the session: the client comes back by itself."""
        _unexpected(event)
        self.session.close("failed")

    def _send(self, packet: Packet) -> None:
        for data in encode(packet):
            self.session.send("4" + data if isinstance(data, str) else data)

    # ------------------------------------------------------------------------------------------- events

    def _event(self, socket: Socket, packet: Packet) -> Awaitable[None] | None:
        event, *arguments = packet.data
        try:
            result = self._namespaces[packet.namespace].call(socket, event, arguments)
        except Exception as error:  # a handler's bug must not cost the client its other events
            self._refuse(socket, packet, error)
            return None
        if isinstance(result, Coroutine):
            return self._await_event(socket, packet, result)
        self._answer(socket, packet, result)
        return None

    async def _await_event(
        self, socket: Socket, packet: Packet, handling: Coroutine[Any, Any, Result]
    ) -> None:
        try:
            result = await handling
        except Exception as error:  # as above
            self._refuse(socket, packet, error)
        else:
            self._answer(socket, packet, result)

    def _answer(self, socket: Socket, packet: Packet, result: Result) -> None:
        try:
            if isinstance(result, Later):
                result.value.add_done_callback(lambda _: self._answer_later(socket, packet, result))
            elif isinstance(result, Reply):
                self._acknowledge(socket, packet.id, {"ok": True, **result.result})
                result.afterwards()
            elif isinstance(result, list):
                self._acknowledge_with(socket, packet.id, result)
            else:
                self._acknowledge(socket, packet.id, {"ok": True, **(result or {})})
        except Exception:  # such as a room whose messages would never come
            self._fail(packet.data[0])

    def _answer_later(self, socket: Socket, packet: Packet, later: Later) -> None:
        if later.value.cancelled():
            return
        error = later.value.exception()
        if error is not None:
            self._refuse(socket, packet, error)
        else:
            self._acknowledge(socket, packet.id, {"ok": True, later.field: later.value.result()})

    def _refuse(self, socket: Socket, packet: Packet, error: BaseException) -> None:
        """A refusal is told as it is; a bug is logged and told by its id. The client's other events go on."""
        if isinstance(error, DomainError):
            self._acknowledge(socket, packet.id, _refusal(error))
            if isinstance(error, RateLimited):
                self._lose_patience(socket)
        else:
            problem = _unexpected(packet.data[0], error)
            self._acknowledge(socket, packet.id, {"ok": False, "error": problem})

    def _lose_patience(self, socket: Socket) -> None:
        if not self._patience.take(self._loop.time()):
            self._inbox.clear()
            socket.kick("went on after many refusals")

    def _acknowledge(self, socket: Socket, ack_id: int | None, answer: Wire) -> None:
        self._acknowledge_with(socket, ack_id, [answer])

    def _acknowledge_with(self, socket: Socket, ack_id: int | None, arguments: list[Any]) -> None:
        if ack_id is not None:
            socket.send(Packet(PacketType.ACK, socket.namespace, arguments, ack_id))

    # ---------------------------------------------------------------------------------------------- end

    def disconnect(self, socket: Socket, reason: str) -> None:
        """Tell the client that it has left the namespace; no matter if it has gone."""
        if self._sockets.get(socket.namespace) is socket:
            socket.parted = True
            socket.send(Packet(PacketType.DISCONNECT, socket.namespace))
            _ENDING.begin(self._leave(socket, reason), "leaving a namespace")

    def _leave(self, socket: Socket, reason: str) -> Coroutine[Any, Any, None]:
        """Forget the socket at once; what its namespace has to do is awaited."""
        del self._sockets[socket.namespace]
        socket.left()
        if not self._sockets and not self.session.closed:
            self._guard = self._await_connect()
        return self._part(socket, reason)

    async def _part(self, socket: Socket, reason: str) -> None:
        try:
            await self._namespaces[socket.namespace].disconnect(socket, reason)
        except Exception:  # one namespace's bug must not save the others, nor end them
            log.exception("a client could not leave the namespace %s in order", socket.namespace)

    def _closed(self, reason: str) -> None:
        self._stop_guard()
        for socket in self._sockets.values():
            socket.left()
        self.ended = _ENDING.begin(self._end(reason), "the end of a connection")

    async def _end(self, reason: str) -> None:
        if self._worker is not None:  # what the client sent before it went still counts
            await asyncio.wait([self._worker])
        while self._sockets:
            await self._leave(next(iter(self._sockets.values())), reason)


def _refusal(error: DomainError) -> Wire:
    return {"ok": False, "error": error.as_dict()}


def _connect_error(problem: Wire) -> Wire:
    return {"message": problem.pop("message"), "data": problem}


def _unexpected(event: object, error: BaseException | None = None) -> Wire:
    """Log what should not happen, under an id that the client gets instead of the details."""
    number = secrets.token_hex(6)
    log.error("the event %r failed (error %s)", event, number, exc_info=error or True)
    return {"code": "INTERNAL", "message": f"Something went wrong on the server (error {number})."}
