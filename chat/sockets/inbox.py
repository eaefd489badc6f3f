"""What a client sent and the server has not come to yet, within bounds."""

from chat.sockets.protocol.socketio import Packet

INBOX_MAX_PACKETS = 64
INBOX_MAX_BYTES = 256_000  # as sent: decoded, JSON can take twenty times as much


class Inbox:
    """Packets in their order. Nothing is refused here: a transport stops reading while the inbox is full."""

    __slots__ = ("_bytes", "_packets")

    def __init__(self) -> None:
        self._packets: list[tuple[Packet, int]] = []  # few; an empty deque would take 760 bytes
        self._bytes = 0

    def put(self, packet: Packet, size_bytes: int) -> None:
        """Add a packet that took so many bytes on its way."""
        self._packets.append((packet, size_bytes))
        self._bytes += size_bytes

    def take(self) -> Packet | None:
        """The first packet, which leaves the inbox; None if it is empty."""
        if not self._packets:
            return None
        packet, size_bytes = self._packets.pop(0)
        self._bytes -= size_bytes
        return packet

    def clear(self) -> None:
        """Forget everything."""
        self._packets.clear()
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether a transport should wait before it reads on: by then there is one packet too many at most."""
        return len(self._packets) >= INBOX_MAX_PACKETS or self._bytes >= INBOX_MAX_BYTES
