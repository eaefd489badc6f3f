"""An Engine.IO connection, whatever transport carries it: heartbeat, a bounded outbox, an end."""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from typing import Protocol

from django.conf import settings

from chat.counters import counters
from chat.limiting.token_bucket import TokenBucket
from chat.sockets.protocol.engineio import Encoded, Handshake, Packet, PacketType, encode_packet
from chat.sockets.protocol.errors import ProtocolError
from chat.sockets.protocol.websocket import encode_frame
from chat.sockets.raw_frames import RawFrames

OUTBOX_MAX_PACKETS = 1000
OUTBOX_MAX_BYTES = 4_000_000
# Far above what an application sends; each 4 KB of a packet count as one more, so these are 800 KB/s and 4 MB, too.
PACKETS_PER_S, PACKETS_BURST = 200, 1000
PACKET_UNIT_BYTES = 4096
CLIENT_CLOSED = "client closed"
_PING = encode_packet(Packet(PacketType.PING))


class SessionClosed(Exception):
    """The client is gone; there is nobody to write to."""


class Peer(Protocol):
    """What lives on a session: it makes the session, and takes its messages and its end."""

    session: "Session"
    ended: "asyncio.Task[None] | None"

    @property
    def is_full(self) -> bool:
        """Whether a transport should wait for `settled` before it reads on."""

    async def settled(self) -> None:
        """Return once there is room for more packets."""


class Session:
    """One client. A transport feeds `receive`, empties the outbox with `next_packet`, and is told of output and end.

    Attributes:
        on_output: called when the empty outbox gets a packet, and at the end.
        on_message: called with the data of each Engine.IO message.
        on_close: called once, with the reason.
        overflowed: the client did not read fast enough; what waited for it is gone.
        is_known: the client has signed in.
        direct: where frames may be written past the outbox: nothing waits there, and the client reads. Else None.
    """

    __slots__ = (
        "_loop",
        "_outbox",
        "_outbox_bytes",
        "_packets",
        "_raw",
        "_timer",
        "_writable",
        "closed",
        "direct",
        "is_known",
        "on_close",
        "on_message",
        "on_output",
        "overflowed",
        "reason",
        "sid",
    )

    def __init__(self, *, on_message: Callable[[Encoded], None], on_close: Callable[[str], None]) -> None:
        self.sid = secrets.token_urlsafe(15)
        self.on_message = on_message
        self.on_close = on_close
        self.on_output: Callable[[], None] = _nothing
        self.closed = False
        self.overflowed = False
        self.is_known = False
        self.reason = ""
        self.direct: RawFrames | None = None
        self._raw: RawFrames | None = None
        self._loop = asyncio.get_running_loop()
        self._outbox: list[Encoded] = []  # hardly ever long; an empty deque would take 760 bytes
        self._outbox_bytes = 0
        self._writable: asyncio.Future[None] | None = None
        self._timer = self._ping_later()
        self._packets = TokenBucket(PACKETS_PER_S, PACKETS_BURST) if settings.RATE_LIMITS else None

    def open(self, *upgrades: str) -> None:
        """Greet the client, naming the transports that it may change to."""
        handshake = Handshake(
            self.sid,
            upgrades,
            settings.SOCKET_PING_INTERVAL_MS,
            settings.SOCKET_PING_TIMEOUT_MS,
            settings.SOCKET_MAX_PAYLOAD_BYTES,
        )
        self.send(encode_packet(handshake.packet()))

    # ----------------------------------------------------------------------------------------- outgoing

    def carry_raw(self, raw: RawFrames) -> None:
        """Write frames to the WebSocket from now on, as long as it takes them; what it does not waits here."""
        self._raw = raw
        raw.watch(self._pause, self._write_waiting)
        self._write_waiting()

    def _pause(self) -> None:
        self.direct = None

    def _write_waiting(self) -> None:
        raw = self._raw
        if raw is None or self.closed:  # whoever closes writes what is left
            return
        while not raw.is_paused and (packet := self.next_packet()) is not None:
            raw.write(encode_frame(packet))
        self.direct = None if raw.is_paused else raw

    def send(self, packet: Encoded) -> None:
        """Send an encoded packet. A client with too much waiting is dropped: it resumes from its version."""
        if self.direct is not None:
            self.direct.write(encode_frame(packet))
            return
        if self.closed:
            return
        self._outbox.append(packet)
        self._outbox_bytes += len(packet)
        if len(self._outbox) > OUTBOX_MAX_PACKETS or self._outbox_bytes > OUTBOX_MAX_BYTES:
            self.overflowed = True
            counters.slow_readers += 1
            self._drop("slow reader")
        elif len(self._outbox) == 1 and self._raw is None:
            self.on_output()

    def send_encoded(self, frames: bytes, packets: Iterable[Encoded]) -> None:
        """Send packets that somebody encoded as WebSocket frames, too, for many clients."""
        if self.direct is not None:
            self.direct.write(frames)
            return
        for packet in packets:
            self.send(packet)

    @property
    def waiting_packets(self) -> int:
        """How many packets wait to be written."""
        return len(self._outbox)

    @property
    def has_output(self) -> bool:
        """Whether there is something to write."""
        return bool(self._outbox)

    def next_packet(self) -> Encoded | None:
        """The next packet to write, or None when all are written."""
        if not self._outbox:
            return None
        packet = self._outbox.pop(0)
        self._outbox_bytes -= len(packet)
        if self._writable is not None and self._has_room():
            self._writable.set_result(None)
            self._writable = None
        return packet

    async def writable(self) -> None:
        """Return once the outbox is at most half full: for writers of much, who can wait.

        Raises:
            SessionClosed: it never will be.
        """
        while not self.closed and not self._has_room():
            if self._writable is None:
                self._writable = self._loop.create_future()
            await asyncio.shield(self._writable)
        if self.closed:
            raise SessionClosed

    def _has_room(self) -> bool:
        return len(self._outbox) * 2 <= OUTBOX_MAX_PACKETS and self._outbox_bytes * 2 <= OUTBOX_MAX_BYTES

    # ----------------------------------------------------------------------------------------- incoming

    def receive(self, packet: Packet) -> None:
        """Take a packet of the client.

        Raises:
            ProtocolError: a client does not send such packets; the session is closed.
        """
        if self.closed:
            return
        if self._is_flooded_by(packet):
            return self.close("too many packets")
        match packet.type:
            case PacketType.MESSAGE:
                self.on_message(packet.data)
            case PacketType.PONG:
                self._timer.cancel()
                self._timer = self._ping_later()
            case PacketType.CLOSE:
                self.close(CLIENT_CLOSED)
            case _:
                self.close("parse error")
                raise ProtocolError("unexpected Engine.IO packet")

    def _is_flooded_by(self, packet: Packet) -> bool:
        # What is above the limit is refused unread, with a word why.
        cost = 1 + min(len(packet.data), settings.SOCKET_MAX_PAYLOAD_BYTES) / PACKET_UNIT_BYTES
        return self._packets is not None and not self._packets.take(self._loop.time(), cost)

    def _ping_later(self) -> asyncio.TimerHandle:
        return self._loop.call_later(settings.SOCKET_PING_INTERVAL_MS / 1000, self._ping)

    def _ping(self) -> None:
        self.send(_PING)
        timeout_s = settings.SOCKET_PING_TIMEOUT_MS / 1000
        self._timer = self._loop.call_later(timeout_s, self._drop, "ping timeout")

    # ---------------------------------------------------------------------------------------------- end

    def close(self, reason: str) -> None:
        """End the session. What is in the outbox is still written."""
        if self.closed:
            return
        self.closed, self.reason = True, reason
        self.direct = None
        self._timer.cancel()
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None
        self.on_output()
        self.on_close(reason)

    def _drop(self, reason: str) -> None:
        """End the session of a client that does not read: what waits for it is thrown away."""
        self._outbox.clear()
        self._outbox_bytes = 0
        self.close(reason)


def _nothing() -> None:
    """What happens on output before there is a transport."""
