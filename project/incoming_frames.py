"""What uvicorn's WebSocket protocol leaves open: a client's unfinished messages, and frames that are no messages.

uvicorn bounds the size of a message, not how many unfinished ones a process holds, nor whose; answers each ping,
whether or not the client reads; and takes fragments without end.
"""

from collections.abc import Callable
from typing import ClassVar

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from chat.strangers import STRANGER_MAX_BYTES
from chat.token_bucket import TokenBucket

LARGE_BYTES = 1_100_000  # above what is ever taken; below it, connections are bounded by their number
LARGE_MAX_BYTES = 64_000_000  # of all connections that hold more than that
FRAGMENT_BYTES = 100  # what keeping one takes on top of its data
EXTRAS_PER_S, EXTRAS_BURST = 500, 5000  # fragments and pings


class IncomingFrames(WebSocketsSansIOProtocol):
    """Drops the connection of a client that goes beyond these bounds."""

    large_bytes: ClassVar[int] = 0
    _large = 0  # this connection's part of it
    _fragments_bytes = 0  # of a message whose end is still to come
    _extras: TokenBucket | None = None
    _is_known: Callable[[], bool] | None = None

    def ask_whether_known(self, is_known: Callable[[], bool]) -> None:
        """See `RawFrames.ask_whether_known`."""
        self._is_known = is_known

    def data_received(self, data: bytes) -> None:
        """Take what came, and see what of it stays in memory."""
        super().data_received(data)
        held = len(self.conn.reader.buffer) + self._fragments_bytes
        if held > STRANGER_MAX_BYTES and (self._is_known is None or not self._is_known()):
            self.transport.abort()
            self._forget()
        elif held > LARGE_BYTES or self._large:
            self._hold(held if held > LARGE_BYTES else 0)
            if self._large and IncomingFrames.large_bytes > LARGE_MAX_BYTES:
                self.transport.abort()
                self._forget()  # now: the next one to send something need not be dropped, too

    def handle_ping(self) -> None:
        """Answer, unless the client takes no answers."""
        self._count_extra()
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()  # forgets the answer

    def handle_text(self, event: Frame) -> None:
        """Take a message, or its first fragment."""
        self._fragments_bytes = 0
        self._count_fragment(event)
        super().handle_text(event)

    def handle_bytes(self, event: Frame) -> None:
        """Take a message, or its first fragment."""
        self._fragments_bytes = 0
        self._count_fragment(event)
        super().handle_bytes(event)

    def handle_cont(self, event: Frame) -> None:
        """Take a fragment."""
        self._count_extra()
        self._count_fragment(event)
        super().handle_cont(event)

    def connection_lost(self, exc: Exception | None) -> None:
        """What was held is free again."""
        self._is_known = None
        self._forget()
        super().connection_lost(exc)

    def _count_fragment(self, event: Frame) -> None:
        self._fragments_bytes = 0 if event.fin else self._fragments_bytes + len(event.data) + FRAGMENT_BYTES

    def _count_extra(self) -> None:
        if self._extras is None:
            self._extras = TokenBucket(EXTRAS_PER_S, EXTRAS_BURST)
        if not self._extras.take(self.loop.time()):
            self.transport.abort()

    def _forget(self) -> None:
        # What refers to this connection in a circle may stay for minutes, until it is collected.
        self.frames = []
        self._fragments_bytes = 0
        self.conn.reader.discard()
        self._hold(0)

    def _hold(self, large: int) -> None:
        IncomingFrames.large_bytes += large - self._large
        self._large = large
