"""Packets of one client: in order, whether their handlers await or not, and never so many that others have to wait."""

import asyncio
from typing import Any

import pytest

from chat.errors import Conflict
from chat.sockets.connection import AT_ONCE_MAX, Connection
from chat.sockets.namespaces import Later, Namespace, Socket


class Recorder(Namespace[Socket]):
    """Notes what is handled; `slow` waits until the test lets it go on, `later` is answered when the test does."""

    def __init__(self) -> None:
        super().__init__()
        self.handled: list[str] = []
        self.go = asyncio.Event()
        self.value: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        for name in ("fast", "slow", "later"):
            self.register(name, getattr(self, name))

    async def connect(self, connection, auth) -> Socket:
        return Socket(connection, "/")

    def fast(self, socket: Socket, name: str) -> dict[str, Any]:
        self.handled.append(name)
        if name == "refused":
            raise Conflict("no")
        return {"name": name}

    async def slow(self, socket: Socket, name: str) -> None:
        await self.go.wait()
        self.handled.append(name)

    def later(self, socket: Socket, name: str) -> Later:
        self.handled.append(name)
        return Later("value", self.value)


@pytest.fixture
async def recorder():
    return Recorder()


@pytest.fixture
async def connection(recorder):
    connection = Connection({"/": recorder}, {"headers": [], "query_string": b""})
    connection.session.on_message("0")
    await asyncio.wait([connection._worker])
    while connection.session.next_packet() is not None:
        pass
    yield connection
    connection.session.close("the test is over")
    await connection.ended


async def test_what_needs_no_waiting_is_handled_as_it_is_read(connection, recorder):
    connection.session.on_message('27["fast","a"]')

    assert recorder.handled == ["a"]
    assert connection.session.next_packet() == '437[{"ok":true,"name":"a"}]'


async def test_what_follows_an_event_that_waits_is_handled_after_it(connection, recorder):
    for event, name in (("fast", "a"), ("slow", "b"), ("fast", "c"), ("slow", "d"), ("fast", "e")):
        connection.session.on_message(f'2["{event}","{name}"]')
    assert recorder.handled == ["a"]

    recorder.go.set()
    await asyncio.wait([connection._worker])

    assert recorder.handled == list("abcde")


async def test_a_refusal_of_a_plain_function_is_an_answer_and_the_next_event_goes_on(connection, recorder):
    connection.session.on_message('21["fast","refused"]')
    connection.session.on_message('22["fast","b"]')

    assert '"code":"CONFLICT"' in connection.session.next_packet()
    assert connection.session.next_packet() == '432[{"ok":true,"name":"b"}]'


async def test_an_answer_that_comes_later_holds_nothing_up(connection, recorder):
    connection.session.on_message('21["later","a"]')
    connection.session.on_message('22["fast","b"]')
    assert connection.session.next_packet() == '432[{"ok":true,"name":"b"}]'

    recorder.value.set_result("there")
    await asyncio.sleep(0)

    assert connection.session.next_packet() == '431[{"ok":true,"value":"there"}]'


async def test_one_read_handles_a_bounded_number_and_the_rest_in_order(connection, recorder):
    for number in range(AT_ONCE_MAX + 10):
        connection.session.on_message(f'2["fast","{number}"]')
    assert len(recorder.handled) == AT_ONCE_MAX

    await asyncio.wait([connection._worker])

    assert recorder.handled == [str(number) for number in range(AT_ONCE_MAX + 10)]
