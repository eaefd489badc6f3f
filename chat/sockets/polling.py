"""Sessions that begin with HTTP long-polling: found by their id, polled one at a time, upgraded to a WebSocket."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import chain
from typing import Any, Protocol

from chat.per_loop import PerLoop
from chat.sockets.engine import CLIENT_CLOSED, Peer, Session
from chat.sockets.protocol.engineio import (
    Encoded,
    Packet,
    PacketType,
    decode_payload,
    encode_packet,
    encode_payload,
)
from chat.sockets.protocol.errors import ProtocolError

LINGER_S = 10.0
UPGRADE_HOLD_S = 0.05  # the client's `5` may still be on its way when its next poll arrives
SESSIONS_MAX = 20_000  # a handshake costs the client nothing, not even a connection that stays
_NOOP = encode_packet(Packet(PacketType.NOOP))
_CLOSE = encode_packet(Packet(PacketType.CLOSE))
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
ReadBody = Callable[[], Awaitable[bytes]]


class BadRequest(Exception):
    """The client asks for what the state of its session does not allow."""


class SessionUnknown(Exception):
    """The process that held the session has gone, or has ended it."""


class Unreachable(Exception):
    """The process that holds the session cannot be asked at the moment."""


class PollingTransport:
    """The polls of one session. While nobody polls, output waits in the session's outbox, within its limits.

    Attributes:
        upgraded: the session goes on over a WebSocket; this transport carries nothing more.
    """

    def __init__(self, peer: Peer, forget: Callable[[], None]) -> None:
        self.peer = peer
        self.session = peer.session
        self.upgraded = False
        self.forget = forget
        self._loop = asyncio.get_running_loop()
        self._polling = False
        self._output: asyncio.Future[None] | None = None
        self._posting = False
        self._end_probe: Callable[[], None] | None = None
        self._probed = False
        self.session.on_output = self._wake

    # -------------------------------------------------------------------------------------------- requests

    async def poll(self, *, max_bytes: int | None = None) -> bytes:
        """Wait for output and take it, as the body of an answer; past `max_bytes` the rest waits for the next poll.

        After the session's end the last packet is CLOSE, or NOOP if the client closed.

        Raises:
            BadRequest: the session uses a WebSocket by now; or another poll waits already, which ends the session.
        """
        if self._polling:
            self.session.close("two polls at once")
        if self._polling or self.upgraded:
            raise BadRequest
        self._polling = True
        try:
            await self._wait_for_output()
        finally:
            self._polling = False
        if self.upgraded:
            raise BadRequest
        return encode_payload(self._take(max_bytes)).encode()

    async def _wait_for_output(self) -> None:
        if self._end_probe is not None:
            await asyncio.sleep(UPGRADE_HOLD_S)
        if not (self._probed or self.upgraded or self.session.has_output or self.session.closed):
            self._output = self._loop.create_future()
            await self._output

    def _take(self, max_bytes: int | None) -> list[Encoded]:
        packets: list[Encoded] = []
        size_bytes = 0
        while max_bytes is None or size_bytes < max_bytes:
            packet = self.session.next_packet()
            if packet is None:
                break
            packets.append(packet)
            size_bytes += len(packet)
        if self.session.closed and not self.session.has_output:
            packets.append(_NOOP if self.session.reason == CLIENT_CLOSED else _CLOSE)
            self.forget()
        return packets or [_NOOP]

    async def post(self, read_body: ReadBody) -> None:
        """Take the packets of a body, which come before those of the next one.

        Raises:
            BadRequest: the session uses a WebSocket by now; or another POST is being read, or the body cannot be
                decoded, both of which end the session.
        """
        if self._posting:
            self.session.close("two posts at once")
        if self._posting or self.upgraded:
            raise BadRequest
        self._posting = True
        try:
            for packet in decode_payload((await read_body()).decode()):
                self.session.receive(packet)
                await self.peer.settled()
        except (ProtocolError, UnicodeDecodeError):
            self.session.close("parse error")
            raise BadRequest from None
        finally:
            self._posting = False

    def close(self, reason: str) -> None:
        """End the session; what it has to say may still be fetched."""
        self.session.close(reason)

    def abandon(self) -> None:
        """The client hung up on a request. What that one carried may be lost, so the client has to begin anew."""
        self.session.close("transport error")
        self.forget()

    # --------------------------------------------------------------------------------------------- upgrade

    def begin_probe(self, on_end: Callable[[], None]) -> None:
        """A WebSocket asks to take over; `on_end` is called if the session ends meanwhile.

        Raises:
            BadRequest: another one did so before, or the session has ended.
        """
        if self.upgraded or self.session.closed or self._end_probe is not None:
            raise BadRequest
        self._end_probe = on_end

    def probe(self) -> None:
        """The WebSocket carries packets: a poll that waits ends with NOOP, so that the client can stop polling."""
        self._probed = True
        self._resume_poll()

    def upgrade(self) -> None:
        """Leave the session to the WebSocket, with what is in the outbox. A poll that waits is refused.

        Raises:
            BadRequest: it was not probed, or the session has ended.
        """
        if not self._probed or self.session.closed:
            raise BadRequest
        self.upgraded = True
        self.end_probe()
        self._resume_poll()

    def end_probe(self) -> None:
        """The WebSocket has taken over, or has gone."""
        self._end_probe = None
        self._probed = False

    # ---------------------------------------------------------------------------------------------- output

    def _wake(self) -> None:
        if self.session.closed:
            self._loop.call_later(LINGER_S, self.forget)
            if not self._polling and not self.session.has_output:
                self.forget()
            if self._end_probe is not None:
                self._end_probe()
        self._resume_poll()

    def _resume_poll(self) -> None:
        if self._output is not None and not self._output.done():
            self._output.set_result(None)


class SessionElsewhere(Protocol):
    """A polling session that another process holds. Requests of its client are done there.

    All may raise SessionUnknown and Unreachable beside what PollingTransport's methods of the same name raise.
    """

    async def poll(self) -> bytes: ...
    async def post(self, read_body: ReadBody) -> None: ...
    def close(self, reason: str) -> None: ...
    def abandon(self) -> None: ...
    async def carry_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the holder talk to the WebSocket that wants to take the session over, until one of them ends it."""


class Neighbours(Protocol):
    """The other web processes, and how they find this one."""

    async def open(self) -> str:
        """Become reachable, if possible; the address that the ids of this process's sessions begin with."""

    def find(self, sid: str) -> SessionElsewhere | None:
        """The session of that id, if another process made the id. It may have ended."""


class EngineServer:
    """One mount point: makes a peer of each client, and finds the sessions that began with polling by their id.

    With `neighbours` the sessions of several processes behind one port are found in each of them.
    """

    def __init__(
        self,
        accept: Callable[[Scope], Peer],
        *,
        allow_origin: Callable[[Scope], bool],
        neighbours: "Callable[[EngineServer], Neighbours] | None" = None,
    ) -> None:
        self.accept = accept
        self.allow_origin = allow_origin
        self.neighbours = PerLoop(lambda: neighbours(self)) if neighbours is not None else None
        self.websockets: set[Session] = set()  # kept by the consumers
        self._transports: dict[str, PollingTransport] = {}

    @property
    def polling_count(self) -> int:
        """How many sessions poll; those that were upgraded are among the WebSockets."""
        return sum(not transport.upgraded for transport in self._transports.values())

    @property
    def longest_outbox(self) -> int:
        """How many packets wait for the client for whom most of them wait."""
        polling = (transport.session for transport in self._transports.values())
        return max((session.waiting_packets for session in chain(self.websockets, polling)), default=0)

    @property
    def is_full(self) -> bool:
        """Whether there are as many polling sessions as this process takes."""
        return len(self._transports) >= SESSIONS_MAX

    async def open_polling(self, scope: Scope) -> PollingTransport:
        """A new session, greeted. Who the client is follows from this request alone, not from later ones."""
        address = await self.neighbours().open() if self.neighbours is not None else ""
        peer = self.accept(scope)
        if address:
            peer.session.sid = f"{address}.{peer.session.sid}"
        sid = peer.session.sid

        def forget() -> None:
            self._transports.pop(sid, None)

        transport = self._transports[sid] = PollingTransport(peer, forget)
        peer.session.open("websocket")
        return transport

    def find(self, sid: str) -> PollingTransport | SessionElsewhere | None:
        """The session of that id, if it began with polling: a live one of this process, or one of another process."""
        local = self.find_local(sid)
        if local is None and self.neighbours is not None:
            return self.neighbours().find(sid)
        return local

    def find_local(self, sid: str) -> PollingTransport | None:
        """The live session of that id that this process holds."""
        return self._transports.get(sid)
