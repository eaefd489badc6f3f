"""The line between web processes survives what nobody foresaw, in either direction."""

import asyncio
from secrets import token_hex

import pytest

from chat.sockets.remote import line as remote_line
from chat.sockets.remote.line import Line
from chat.tests.waiting import eventually


class Receiver:
    """Notes what arrives; the first message is one that it cannot take."""

    def __init__(self) -> None:
        self.arrived: list[bytes] = []
        self.breaks = 0

    def taken(self, data: bytes) -> None:
        self.arrived.append(data)
        if data == b"poison":
            raise ValueError("a bug")

    def gone(self, address: str) -> None:
        pass

    def broken(self) -> None:
        self.breaks += 1


@pytest.fixture
async def line(monkeypatch):
    monkeypatch.setattr(remote_line, "RECONNECT_S", 0.05)
    line = Line(f"test-{token_hex(4)}", Receiver())
    await line.open()
    await eventually(lambda: line.is_up)
    yield line
    for task in line._tasks:
        task.cancel()
    await asyncio.wait(line._tasks)


async def test_a_message_that_cannot_be_taken_breaks_the_line_and_it_comes_up_again(line, caplog):
    receiver = line._receiver
    line.send(line._address, b"poison")
    await eventually(lambda: receiver.breaks)
    await eventually(lambda: line.is_up)

    line.send(line._address, b"good")

    await eventually(lambda: receiver.arrived == [b"poison", b"good"])
    assert "could not be used" in caplog.text


async def test_a_message_that_cannot_be_sent_is_followed_by_others(line, caplog, monkeypatch):
    receiver = line._receiver
    with monkeypatch.context() as bug:
        bug.setattr(remote_line, "_publish", lambda *args: 1 / 0)
        line.send(line._address, b"lost")
        await eventually(lambda: receiver.breaks)

    line.send(line._address, b"good")

    await eventually(lambda: receiver.arrived == [b"good"])
    assert "could not be sent" in caplog.text
