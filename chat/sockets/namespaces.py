"""Socket.IO namespaces: who may connect, which events there are, and one client in one of them.

Nothing here knows of rooms or messages. `chat.sockets.connection` carries a client's namespaces over its session.
"""

import asyncio
import inspect
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Generic, Protocol, TypeVar

from chat.errors import BadInput
from chat.sockets.engine import Session, SessionClosed
from chat.sockets.protocol.socketio import Packet, PacketType, encode

CALL_TIMEOUT_S = 10.0
DEFAULT_LIMIT = "changes"
ARGUMENTS_MAX = 100
Wire = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """An acknowledgement with something to be done right after it is sent."""

    result: Wire
    afterwards: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Later:
    """An acknowledgement `{field: value}` that is sent when the value is there: the next event need not wait for it."""

    field: str
    value: "asyncio.Future[Any]"


# What a handler gives: fields of the acknowledgement, or a list of its arguments as they are.
Result = Wire | list[Any] | Reply | Later | None
S = TypeVar("S", bound="Socket")
# A plain function, where there is nothing to await, costs no task.
Handler = Callable[..., Coroutine[Any, Any, Result] | Result]


class Carrier(Protocol):
    """What sockets need of their client's connection, which carries its namespaces (`chat.sockets.connection`)."""

    @property
    def scope(self) -> dict[str, Any]:
        """Who calls, of the request that opened it (`chat.sockets.credentials`)."""

    @property
    def address(self) -> str | None:
        """Whom the client counts as where it is not signed in (`chat.limiting.limits.client_address`)."""

    @property
    def session(self) -> Session: ...
    def disconnect(self, socket: "Socket", reason: str) -> None: ...


class Socket:
    """One client in one namespace. `parted` says that it, or the server, said goodbye: it was not just cut off."""

    def __init__(self, connection: Carrier, namespace: str) -> None:
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


def _number_of_arguments(required: int, allowed: int) -> str:
    number = str(allowed) if required == allowed else f"{required} to {allowed}"
    return f"{number} argument{'' if number == '1' else 's'}"


class Namespace(Generic[S]):
    """The events of one namespace. Subclasses say who may connect, and with which kind of socket."""

    name = "/"

    def __init__(self) -> None:
        self._handlers: dict[str, tuple[Handler, int, int, str]] = {}

    def register(self, event: str, handler: Handler, *, limit: str = DEFAULT_LIMIT) -> None:
        """Call `handler(socket, *arguments)` for the event, and await what it gives if it is a coroutine.

        Its signature says how many arguments there may be. Each event counts as one of `limit`
        (chat.limiting.limits.LIMITS) where the namespace has limits.

        Raises:
            ValueError: the event has a handler already.
        """
        if event in self._handlers:
            raise ValueError(f"the event {event} is registered already")
        parameters = list(inspect.signature(handler).parameters.values())[1:]
        named = [parameter for parameter in parameters if parameter.kind is not parameter.VAR_POSITIONAL]
        required = sum(parameter.default is parameter.empty for parameter in named)
        allowed = len(named) if len(named) == len(parameters) else ARGUMENTS_MAX
        self._handlers[event] = (handler, required, allowed, limit)

    async def connect(self, connection: Carrier, auth: Mapping[str, Any]) -> S:
        """A socket for the client.

        Raises:
            DomainError: the client is refused. After Unavailable and RateLimited (but not TooManyConnections) it is cut
                off instead: a stock client takes a refusal for the last word, but comes back by itself after a lost
                connection. The same when the database is away (OperationalError, InterfaceError).
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

    def call(self, socket: S, event: object, arguments: list[Any]) -> Coroutine[Any, Any, Result] | Result:
        """What the handler of an event gives: its result, or a coroutine of it.

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
                f"The event {event} takes {_number_of_arguments(required, allowed)}.",
                fields={"arguments": f"there were {len(arguments)}"},
            )
        return handler(socket, *arguments)
