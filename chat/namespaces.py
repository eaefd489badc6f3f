"""Socket.IO namespaces over an Engine.IO session: connecting, events with acknowledgements, disconnecting.

Nothing here knows of rooms or messages. A namespace says who may connect and which events there are; the connection
decodes, keeps the order of what a client sends, and turns errors into acknowledgements.
"""

import asyncio
import inspect
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Generic, TypeVar

from django.conf import settings

from chat import limits
from chat.counters import counters
from chat.engine import Session, SessionClosed
from chat.errors import BadInput, DomainError, PayloadTooLarge, RateLimited, Unavailable
from chat.inbox import Inbox
from chat.limits import client_address
from chat.protocol.engineio import Encoded
from chat.protocol.errors import ProtocolError
from chat.protocol.socketio import Decoder, Packet, PacketType, encode, parse_header
from chat.strangers import current_strangers
from chat.token_bucket import TokenBucket

log = logging.getLogger(__name__)
CONNECT_TIMEOUT_S = 10.0
CALL_TIMEOUT_S = 10.0
STRANGER_MAX_BYTES = 64_000  # in a packet of a client that is in no namespace
REFUSALS_PER_S, REFUSALS_BURST = 5, 300  # of a client that goes on when it is told to wait
DEFAULT_LIMIT = "changes"
ARGUMENTS_MAX = 100
Wire = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """An acknowledgement with something to be done right after it is sent."""

    result: Wire
    afterwards: Callable[[], None]


# What a handler gives: fields of the acknowledgement, or a future of them, so that the next event need not wait; or a
# list of the acknowledgement's arguments as they are.
Result = Wire | list[Any] | Reply | asyncio.Future[Wire] | None
S = TypeVar("S", bound="Socket")
Handler = Callable[..., Awaitable[Result]]
_ENDING: set[asyncio.Task[None]] = set()  # the event loop itself does not keep its tasks alive


class Socket:
    """One client in one namespace. `parted` says that it, or the server, said goodbye: it was not just cut off."""

    def __init__(self, connection: "Connection", namespace: str) -> None:
        self.sid = secrets.token_urlsafe(15)
        self.connection = connection
        self.namespace = namespace
        self.parted = False
        self._asked: dict[int, asyncio.Future[list[Any]]] = {}
        self._ask_ids = count()

    @property
    def session(self) -> Session:
        return self.connection.session

    def greeting(self) -> Wire:
        """What the client is told when it is connected: its id, and whatever else a namespace has to say."""
        return {"sid": self.sid}

    def emit(self, event: str, *arguments: Any) -> None:
        """Send an event."""
        self.send(Packet(PacketType.EVENT, self.namespace, [event, *arguments]))

    async def call(self, event: str, *arguments: Any, timeout_s: float = CALL_TIMEOUT_S) -> list[Any]:
        """Send an event, wait for its acknowledgement, and give what the client put into it.

        Raises:
            TimeoutError: none came in time.
            SessionClosed: the client has gone.
        """
        ask_id, answer = next(self._ask_ids), asyncio.get_running_loop().create_future()
        self._asked[ask_id] = answer
        try:
            self.send(Packet(PacketType.EVENT, self.namespace, [event, *arguments], ask_id))
            async with asyncio.timeout(timeout_s):
                return await answer
        finally:
            del self._asked[ask_id]

    def acknowledged(self, packet: Packet) -> None:
        """The client has acknowledged an event; one that nobody waits for is ignored."""
        answer = self._asked.get(-1 if packet.id is None else packet.id)
        if answer is not None and not answer.done():
            answer.set_result(packet.data)

    def left(self) -> None:
        """The client has gone from the namespace: nothing will be acknowledged any more."""
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(SessionClosed())

    def send(self, packet: Packet) -> None:
        """Send a packet."""
        for data in encode(packet):
            self.session.send("4" + data if isinstance(data, str) else data)

    def disconnect(self, reason: str) -> None:
        """Disconnect the client from this namespace; its others go on."""
        self.parted = True
        self.connection.disconnect(self, reason)

    def kick(self, reason: str) -> None:
        """Disconnect the client from the namespace and close its session: it does not come back by itself."""
        self.parted = True
        self.send(Packet(PacketType.DISCONNECT, self.namespace))
        self.session.close(reason)


class Namespace(Generic[S]):
    """The events of one namespace. Subclasses say who may connect, and with which kind of socket."""

    name = "/"

    def __init__(self) -> None:
        self._handlers: dict[str, tuple[Handler, int, int, str]] = {}

    def register(self, event: str, handler: Handler, *, limit: str = DEFAULT_LIMIT) -> None:
        """Call `await handler(socket, *arguments)` for the event. Its signature says how many there may be.

        Each event counts as one of `limit` (chat.limits.LIMITS) where the namespace has limits.
        """
        if event in self._handlers:
            raise ValueError(f"the event {event} is registered already")
        parameters = list(inspect.signature(handler).parameters.values())[1:]
        named = [parameter for parameter in parameters if parameter.kind is not parameter.VAR_POSITIONAL]
        required = sum(parameter.default is parameter.empty for parameter in named)
        allowed = len(named) if len(named) == len(parameters) else ARGUMENTS_MAX
        self._handlers[event] = (handler, required, allowed, limit)

    async def connect(self, connection: "Connection", auth: Mapping[str, Any]) -> S:
        """A socket for the client.

        Raises:
            DomainError: the client is refused. After Unavailable it is cut off instead: a stock client takes a refusal
                for the last word, but comes back by itself after a lost connection.
        """
        raise NotImplementedError

    def connected(self, socket: S) -> None:
        """The client has been told that it is connected."""

    async def disconnect(self, socket: S, reason: str) -> None:
        """The client has gone."""

    def charge(self, socket: S, limit: str) -> None:
        """Count an event. A namespace without limits counts nothing.

        Raises:
            RateLimited: the client has to wait.
        """

    async def call(self, socket: S, event: object, arguments: list[Any]) -> Result:
        """Run the handler of an event.

        Raises:
            DomainError: there are too many, there is no such event, its arguments do not fit, or the handler refuses.
        """
        found = self._handlers.get(event) if isinstance(event, str) else None
        self.charge(socket, found[3] if found else DEFAULT_LIMIT)
        if found is None:
            raise BadInput("There is no such event.", fields={"event": "is unknown"})
        handler, required, allowed, _ = found
        if not required <= len(arguments) <= allowed:
            raise BadInput(
                f"The event {event} takes {required} to {allowed} arguments.",
                fields={"arguments": f"there were {len(arguments)}"},
            )
        return await handler(socket, *arguments)


class Connection:
    """All namespaces of one client over its session. Packets are handled one after the other, in their order."""

    def __init__(self, namespaces: Mapping[str, Namespace[Any]], scope: Mapping[str, Any]) -> None:
        self.scope = scope
        self.address = client_address(scope)
        self.session = Session(on_message=self._receive, on_close=self._closed)
        self.ended: asyncio.Task[None] | None = None
        self._namespaces = namespaces
        self._sockets: dict[str, Socket] = {}
        self._decoder = Decoder(settings.SOCKET_MAX_PAYLOAD_BYTES)
        self._inbox = Inbox()
        self._received_bytes = 0  # of a packet whose attachments are still to come
        self._patience = TokenBucket(REFUSALS_PER_S, REFUSALS_BURST)
        self._worker: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._guard = self._await_connect()

    def _await_connect(self) -> asyncio.TimerHandle:
        current_strangers().add(self.address, self)
        return self._loop.call_later(CONNECT_TIMEOUT_S, self._close_if_idle)

    def _close_if_idle(self) -> None:
        if not self._sockets:
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
        self._inbox.put(packet, self._received_bytes)
        self._received_bytes = 0
        if self._worker is None or self._worker.done():
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

    async def settled(self) -> None:
        """Return once there is room for more packets: a transport waits for it before it reads on."""
        if self._inbox.is_full and self._worker is not None:
            await asyncio.wait([self._worker])

    async def _work(self) -> None:
        while (packet := self._inbox.take()) is not None:
            if packet.type is PacketType.CONNECT and packet.namespace not in self._sockets:
                await self._connect(packet)
                continue
            socket = self._sockets.get(packet.namespace)
            if socket is None or packet.type in (PacketType.CONNECT, PacketType.CONNECT_ERROR):
                self.session.close("parse error")  # as the reference server does
            elif packet.type is PacketType.EVENT:
                await self._event(socket, packet)
            elif packet.type is PacketType.DISCONNECT:
                socket.parted = True
                await self._leave(socket, "client namespace disconnect")

    async def _connect(self, packet: Packet) -> None:
        name = packet.namespace
        namespace = self._namespaces.get(name)
        if namespace is None:  # in the words of the reference server
            return self._send(Packet(PacketType.CONNECT_ERROR, name, {"message": "Invalid namespace"}))
        try:
            limits.check("connects", address=self.address)
            socket = await namespace.connect(self, packet.data or {})
        except Unavailable:
            return self.session.close("unavailable")
        except DomainError as error:
            problem = _refusal(error)["error"]
            data = {"message": problem.pop("message"), "data": problem}
            return self._send(Packet(PacketType.CONNECT_ERROR, name, data))
        except Exception:  # a bug is logged and told by its id, so that no client waits for ever
            problem = _unexpected("connect")
            data = {"message": problem.pop("message"), "data": problem}
            return self._send(Packet(PacketType.CONNECT_ERROR, name, data))
        self._sockets[name] = socket
        self._stop_guard()
        socket.send(Packet(PacketType.CONNECT, name, socket.greeting()))
        namespace.connected(socket)

    def _send(self, packet: Packet) -> None:
        for data in encode(packet):
            self.session.send("4" + data if isinstance(data, str) else data)

    # ------------------------------------------------------------------------------------------- events

    async def _event(self, socket: Socket, packet: Packet) -> None:
        event, *arguments = packet.data
        try:
            result = await self._namespaces[packet.namespace].call(socket, event, arguments)
        except DomainError as error:
            self._acknowledge(socket, packet.id, _refusal(error))
            return self._lose_patience(socket) if isinstance(error, RateLimited) else None
        except Exception:  # the same for an event, whose other events must go on
            return self._acknowledge(socket, packet.id, {"ok": False, "error": _unexpected(event)})
        if isinstance(result, asyncio.Future):
            result.add_done_callback(lambda future: self._acknowledge_later(socket, packet.id, event, future))
        elif isinstance(result, Reply):
            self._acknowledge(socket, packet.id, {"ok": True, **result.result})
            result.afterwards()
        elif isinstance(result, list):
            self._acknowledge_with(socket, packet.id, result)
        else:
            self._acknowledge(socket, packet.id, {"ok": True, **(result or {})})

    def _lose_patience(self, socket: Socket) -> None:
        if not self._patience.take(self._loop.time()):
            self._inbox.clear()
            socket.kick("went on after many refusals")

    def _acknowledge_later(
        self, socket: Socket, ack_id: int | None, event: object, future: "asyncio.Future[Wire]"
    ) -> None:
        if future.cancelled():
            return
        error = future.exception()
        if error is None:
            self._acknowledge(socket, ack_id, {"ok": True, **future.result()})
        elif isinstance(error, DomainError):
            self._acknowledge(socket, ack_id, _refusal(error))
        else:
            problem = _unexpected(event, error)
            self._acknowledge(socket, ack_id, {"ok": False, "error": problem})

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
            self._begin(self._leave(socket, reason))

    def _leave(self, socket: Socket, reason: str) -> Coroutine[Any, Any, None]:
        """Forget the socket at once; what its namespace has to do is awaited."""
        del self._sockets[socket.namespace]
        socket.left()
        if not self._sockets and not self.session.closed:
            self._guard = self._await_connect()
        return self._namespaces[socket.namespace].disconnect(socket, reason)

    def _closed(self, reason: str) -> None:
        self._stop_guard()
        for socket in self._sockets.values():
            socket.left()
        self.ended = self._begin(self._end(reason))

    def _begin(self, ending: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(ending)
        _ENDING.add(task)
        task.add_done_callback(_ENDING.discard)
        return task

    async def _end(self, reason: str) -> None:
        if self._worker is not None:  # what the client sent before it went still counts
            await asyncio.wait([self._worker])
        while self._sockets:
            await self._leave(next(iter(self._sockets.values())), reason)


def _refusal(error: DomainError) -> Wire:
    counters.refused[error.code] += 1
    return {"ok": False, "error": error.as_dict()}


def _unexpected(event: object, error: BaseException | None = None) -> Wire:
    """Log what should not happen, under an id that the client gets instead of the details."""
    number = secrets.token_hex(6)
    log.error("the event %r failed (error %s)", event, number, exc_info=error or True)
    return {"code": "INTERNAL", "message": f"Something went wrong on the server (error {number})."}
