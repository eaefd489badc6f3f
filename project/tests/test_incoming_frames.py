"""What a process holds of unfinished messages, counted by hand: frames go straight into the protocol."""

import asyncio

import pytest
from uvicorn.server import ServerState
from websockets.protocol import OPEN

from chat.strangers import STRANGER_MAX_BYTES
from project import incoming_frames
from project.incoming_frames import IncomingFrames
from project.web import server_config

MEGABYTE = 1_000_000
TEXT, BINARY, CONT, FIN = 1, 2, 0, 0x80


class Transport(asyncio.Transport):
    """Of a client that went on sending."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = self.closed = False

    def get_extra_info(self, name, default=None):
        return default

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        pass

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass


def frame(first: int, data: bytes) -> bytes:
    return bytes([first, 0xFF]) + len(data).to_bytes(8, "big") + bytes(4) + data


@pytest.fixture
async def connect():
    """Connections whose handshake is done; all are lost at the end."""
    made: list[IncomingFrames] = []

    def connect(*, is_known: bool = True) -> IncomingFrames:
        protocol = IncomingFrames(server_config(), ServerState(), {}, asyncio.get_running_loop())
        protocol.connection_made(Transport())
        protocol.conn.state = OPEN
        protocol.conn.parser = protocol.conn.parse()
        next(protocol.conn.parser)
        protocol.ask_whether_known(lambda: is_known)
        made.append(protocol)
        return protocol

    yield connect
    for protocol in made:
        protocol.connection_lost(None)
    assert IncomingFrames.large_bytes == 0


async def test_finished_fragments_of_an_unfinished_message_count(connect):
    connections = [connect() for _ in range(20)]

    for first in (BINARY, *[CONT] * 14):
        for connection in connections:
            if not connection.transport.aborted:
                connection.data_received(frame(first, b"x" * MEGABYTE))

    held = [connection for connection in connections if not connection.transport.aborted]
    assert 0 < len(held) * 15 * MEGABYTE <= incoming_frames.LARGE_MAX_BYTES < 20 * 15 * MEGABYTE


async def test_what_a_message_held_is_free_again_when_it_ends(connect):
    connection = connect()
    for _ in range(2):
        connection.data_received(frame(TEXT, b"x" * MEGABYTE))
        connection.data_received(frame(CONT, b"x" * MEGABYTE))
        assert IncomingFrames.large_bytes > 2 * MEGABYTE

        connection.data_received(frame(CONT | FIN, b"x"))

        assert IncomingFrames.large_bytes == 0
    assert connection.queue.qsize() == 2


async def test_empty_fragments_count_as_what_keeping_them_takes(connect, monkeypatch):
    monkeypatch.setattr(incoming_frames, "LARGE_BYTES", 5000)
    connection = connect()

    connection.data_received(frame(BINARY, b"") + frame(CONT, b"") * 60)

    assert IncomingFrames.large_bytes > 6000


@pytest.mark.parametrize(
    "pieces",
    [
        [frame(TEXT | FIN, b"x" * MEGABYTE)[: STRANGER_MAX_BYTES + 100]],
        [frame(TEXT, b"x" * 9000), frame(CONT, b"x" * 9000)],
        [frame(TEXT, b""), frame(CONT, b"") * (STRANGER_MAX_BYTES // incoming_frames.FRAGMENT_BYTES)],
    ],
    ids=["a frame", "fragments", "empty fragments"],
)
async def test_who_has_not_signed_in_begins_no_large_message(connect, pieces):
    stranger, known = connect(is_known=False), connect()

    for piece in pieces:
        stranger.data_received(piece)
        known.data_received(piece)

    assert stranger.transport.aborted and not stranger.conn.reader.buffer and not stranger.frames
    assert not known.transport.aborted


async def test_whoever_is_not_asked_about_is_a_stranger(connect):
    connection = connect()
    connection._is_known = None

    connection.data_received(frame(TEXT, b"x" * STRANGER_MAX_BYTES))

    assert connection.transport.aborted
