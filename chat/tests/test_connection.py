"""A connection whose namespaces are slow, refuse, or fail: what its client gets, and what goes on."""

import asyncio
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError

from chat.errors import Forbidden, RateLimited, TooManyConnections, Unavailable
from chat.sockets import connection as connections
from chat.sockets.connection import Connection
from chat.sockets.namespaces import Namespace, Reply, Socket


class Scripted(Namespace[Socket]):
    """Connects whom the test lets; `fails_at` names the step that raises."""

    def __init__(self, name: str = "/", *, fails_at: str = "") -> None:
        super().__init__()
        self.name = name
        self.fails_at = fails_at
        self.error: Exception | None = None
        self.open = asyncio.Event()
        self.open.set()
        self.asked = 0
        self.left: list[str] = []
        self.register("begin", self._begin)

    async def connect(self, connection, auth) -> Socket:
        self.asked += 1
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return (
            FailingSocket(connection, self.name)
            if self.fails_at == "greeting"
            else Socket(connection, self.name)
        )

    def connected(self, socket) -> None:
        if self.fails_at == "connected":
            raise RuntimeError("a bug")

    async def disconnect(self, socket, reason) -> None:
        if self.fails_at == "disconnect":
            raise RuntimeError("a bug")
        self.left.append(reason)

    async def _begin(self, socket) -> Reply:
        def begin() -> None:
            if self.fails_at == "afterwards":
                raise RuntimeError("a bug")

        return Reply({}, begin)


class FailingSocket(Socket):
    def greeting(self):
        raise RuntimeError("a bug")


def connect_to(*namespaces: Scripted) -> Connection:
    return Connection({one.name: one for one in namespaces}, {"headers": [], "query_string": b""})


async def handled(connection: Connection, *frames: str) -> list[Any]:
    """What the client is sent, once the frames were handled."""
    for frame in frames:
        connection.session.on_message(frame)
    while connection._worker is not None and not connection._worker.done():
        await asyncio.wait([connection._worker])
    return sent(connection)


def sent(connection: Connection) -> list[Any]:
    packets = []
    while (packet := connection.session.next_packet()) is not None:
        packets.append(packet)
    return packets


async def test_the_guard_does_not_close_while_the_server_is_connecting_the_client(monkeypatch):
    monkeypatch.setattr(connections, "CONNECT_TIMEOUT_S", 0.05)
    slow = Scripted()
    slow.open.clear()
    connection = connect_to(slow)

    connection.session.on_message("0")
    await asyncio.sleep(0.2)
    slow.open.set()

    assert (await handled(connection))[0].startswith('40{"sid"')
    await asyncio.sleep(0.1)
    assert not connection.session.closed
    connection.session.close("the test is over")


async def test_the_guard_closes_after_a_slow_refusal(monkeypatch):
    monkeypatch.setattr(connections, "CONNECT_TIMEOUT_S", 0.05)
    slow = Scripted()
    slow.error = Forbidden("No.")
    slow.open.clear()
    connection = connect_to(slow)
    connection.session.on_message("0")
    await asyncio.sleep(0.1)

    slow.open.set()
    await handled(connection)
    await asyncio.sleep(0.15)

    assert connection.session.reason == "no namespace was connected to"


@pytest.mark.parametrize(
    "error", [Unavailable("Later."), RateLimited("Wait."), OperationalError("away"), InterfaceError("away")]
)
async def test_who_is_to_come_back_later_is_cut_off_without_a_word(error):
    namespace = Scripted("/any")
    namespace.error = error
    connection = connect_to(namespace)

    assert await handled(connection, "0/any,{}") == []

    assert connection.session.reason == "unavailable"


async def test_one_connection_too_many_is_told_so_since_coming_back_does_not_help():
    namespace = Scripted()
    namespace.error = TooManyConnections("You have 2 connections.", retry_after_s=1)
    connection = connect_to(namespace)

    [answer] = await handled(connection, "0")

    assert answer == '44{"message":"You have 2 connections.","data":{"code":"RATE_LIMITED","retryAfter":1}}'
    assert not connection.session.closed
    connection.session.close("the test is over")


@pytest.mark.parametrize("frame", ["0", "0/nowhere,"])
async def test_a_few_refused_connects_end_the_connection_and_the_others_are_not_looked_at(frame):
    namespace = Scripted()
    namespace.error = Forbidden("No.")
    connection = connect_to(namespace)

    answers = await handled(connection, *[frame] * 50)

    assert len(answers) == 6 and all(answer.startswith("44") for answer in answers)
    assert connection.session.reason == "went on after many refusals"
    assert namespace.asked == (6 if frame == "0" else 0)


@pytest.mark.parametrize("step", ["greeting", "connected", "afterwards"])
async def test_a_bug_after_the_answer_ends_the_session_and_the_namespace_hears_of_it(step, caplog):
    namespace = Scripted(fails_at=step)
    connection = connect_to(namespace)

    await handled(connection, "0", '2["begin"]')
    assert connection.ended is not None
    await connection.ended

    assert connection.session.reason == "failed"
    assert namespace.left == ["failed"]
    assert caplog.records.pop(0).exc_info


async def test_a_namespace_that_fails_at_the_end_keeps_no_other_from_ending(caplog):
    first, second = Scripted(fails_at="disconnect"), Scripted("/second")
    connection = connect_to(first, second)
    await handled(connection, "0", "0/second,")

    connection.session.close("gone")
    assert connection.ended is not None
    await connection.ended

    assert second.left == ["gone"]
    assert caplog.records.pop().exc_info


async def test_what_is_sent_after_leaving_a_namespace_that_fails_is_handled(caplog):
    first, second = Scripted(fails_at="disconnect"), Scripted("/second")
    connection = connect_to(first, second)
    await handled(connection, "0", "0/second,")

    assert await handled(connection, "1", '2/second,7["begin"]') == ['43/second,7[{"ok":true}]']

    assert caplog.records.pop().exc_info
    connection.session.close("the test is over")
    assert connection.ended is not None
    await connection.ended
