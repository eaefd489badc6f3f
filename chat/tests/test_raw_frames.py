"""Sessions that write frames past ASGI: the order of what a client gets, however its connection stalls."""

import asyncio

import pytest

from chat.sockets import engine
from chat.sockets.engine import Session, SessionClosed
from chat.sockets.protocol.websocket import encode_frame
from chat.sockets.raw_frames import RAW_FRAMES, raw_frames_of


class Connection:
    """A server's raw frames. It stalls before the `stalls_at`-th write's end."""

    def __init__(self) -> None:
        self.is_paused = False
        self.written = b""
        self.stalls = False

    def ask_whether_known(self, is_known) -> None:
        pass

    def watch(self, on_pause, on_resume) -> None:
        self.on_pause, self.on_resume = on_pause, on_resume

    def write(self, frames: bytes) -> None:
        assert not self.is_paused
        self.written += frames
        if self.stalls:
            self.pause()

    def pause(self) -> None:
        self.is_paused = True
        self.on_pause()

    def resume(self) -> None:
        self.is_paused = False
        self.on_resume()


def frames(*packets: str) -> bytes:
    return b"".join(map(encode_frame, packets))


@pytest.fixture
async def session():
    session = Session(on_message=lambda message: None, on_close=lambda reason: None)
    yield session
    session.close("the test is over")


async def test_a_packet_is_written_at_once(session):
    connection = Connection()
    session.carry_raw(connection)

    session.send("4a")
    session.send_encoded(frames("4b", "4c"), ["4b", "4c"])
    session.send(b"d")

    assert connection.written == frames("4a", "4b", "4c") + encode_frame(b"d")
    assert not session.has_output


async def test_what_waited_before_comes_first(session):
    connection = Connection()
    session.send("4a")
    session.carry_raw(connection)
    session.send("4b")

    assert connection.written == frames("4a", "4b")


async def test_what_comes_while_the_client_does_not_read_waits_and_keeps_its_order(session):
    connection = Connection()
    session.carry_raw(connection)
    session.send("4a")
    connection.pause()

    session.send("4b")
    session.send_encoded(frames("4c", "4d"), ["4c", "4d"])
    assert connection.written == frames("4a")
    connection.resume()
    session.send("4e")

    assert connection.written == frames("4a", "4b", "4c", "4d", "4e")


async def test_a_client_that_stalls_at_each_packet_gets_them_one_by_one(session):
    connection = Connection()
    session.carry_raw(connection)
    connection.pause()
    connection.stalls = True
    for packet in ("4a", "4b", "4c"):
        session.send(packet)

    connection.resume()
    assert connection.written == frames("4a")
    connection.resume()
    session.send_encoded(frames("4d"), ["4d"])
    connection.resume()
    connection.resume()

    assert connection.written == frames("4a", "4b", "4c", "4d")


async def test_a_client_with_too_much_waiting_is_dropped(session, monkeypatch):
    monkeypatch.setattr(engine, "OUTBOX_MAX_PACKETS", 3)
    connection = Connection()
    session.carry_raw(connection)
    connection.pause()

    for _ in range(4):
        session.send_encoded(frames("4a"), ["4a"])
    connection.resume()
    session.send("4b")

    assert (session.closed, session.overflowed, session.reason) == (True, True, "slow reader")
    assert connection.written == b""


async def test_after_the_end_nothing_is_written_past_who_closes(session):
    connection = Connection()
    session.carry_raw(connection)
    connection.pause()
    session.send("4a")

    session.close("over")
    connection.resume()
    session.send("4b")

    assert connection.written == b""
    assert session.next_packet() == "4a"  # the transport writes it before the close frame
    assert session.next_packet() is None


async def test_a_writer_of_much_waits_for_the_client(session, monkeypatch):
    monkeypatch.setattr(engine, "OUTBOX_MAX_PACKETS", 2)
    connection = Connection()
    session.carry_raw(connection)
    connection.pause()
    session.send("4a")
    session.send("4b")
    waiting = asyncio.create_task(session.writable())
    await asyncio.sleep(0)
    assert not waiting.done()

    connection.resume()

    await asyncio.wait_for(waiting, 60)
    session.close("over")
    with pytest.raises(SessionClosed):
        await session.writable()


def test_a_server_without_the_extension_has_none():
    offered = object()

    assert (
        raw_frames_of({}) is raw_frames_of({"extensions": None}) is raw_frames_of({"extensions": {}}) is None
    )
    assert raw_frames_of({"extensions": {RAW_FRAMES: offered}}) is offered
