"""The load client against small servers whose every answer is known."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, broadcast, serve

from bench.side_by_side.load_client import compile_client

pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="there is no C compiler"
)
TIMES = ("--warm-up", "0.05", "--seconds", "0.1")
ANSWER = b'{"data":{"me":{"id":"1"}}}'


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_client(tmp_path_factory.mktemp("load"))


async def load(program: Path, port: int, *arguments: str) -> dict[str, Any]:
    pid = str(os.getpid())
    process = await asyncio.create_subprocess_exec(
        *(str(program), "--port", str(port), "--server", pid, "--database", pid, *arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    figures: dict[str, Any] = json.loads(output)
    assert process.returncode == bool(figures["problem"])
    return figures


async def test_a_server_that_takes_its_time_for_the_first_message_is_measured(program):
    clients: set[ServerConnection] = set()
    delay_s = 0.15  # longer than it warms up, and than it measures

    async def handle(client: ServerConnection) -> None:
        nonlocal delay_s
        clients.add(client)
        async for message in client:
            await asyncio.sleep(delay_s)
            delay_s = 0
            broadcast(clients, message)

    async with serve(handle, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        figures = await load(program, port, "fanout", "--dialect", "plain", "--clients", "3", *TIMES)

    assert figures["problem"] == ""
    assert figures["deliveries"] > 0


@pytest.mark.parametrize("copies", [0, 2])
async def test_a_message_that_is_lost_or_comes_twice_is_a_problem(program, copies):
    clients: list[ServerConnection] = []
    count = 0

    async def handle(client: ServerConnection) -> None:
        nonlocal count
        clients.append(client)
        async for message in client:
            count += 1
            for _ in range(copies if count == 5 else 1):
                broadcast(clients[-1:], message)
            broadcast(clients[:-1], message)

    async with serve(handle, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        arguments = ("fanout", "--dialect", "plain", "--clients", "3", "--window", "8", *TIMES)
        figures = await load(program, port, *arguments)

    assert "was next" in figures["problem"]


@asynccontextmanager
async def http_server(reply: Callable[[bytes], bytes]) -> AsyncIterator[int]:
    """A server that gives `reply(body)`, a whole response, to each request; its port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                [length] = [
                    line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
                ]
                writer.write(reply(await reader.readexactly(int(length.split()[1]))))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


def whole(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def chunked(body: bytes) -> bytes:
    pieces = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:7], body[7:]))
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"


@pytest.fixture
def posting(tmp_path) -> Callable[[str], tuple[str, ...]]:
    def arguments(body: str) -> tuple[str, ...]:
        (tmp_path / "body").write_text(body)
        (tmp_path / "tokens").write_text("token\n")
        files = ("--body", str(tmp_path / "body"), "--tokens", str(tmp_path / "tokens"))
        return ("requests", "--path", "/graphql", "--clients", "2", *files)

    return arguments


@pytest.mark.parametrize("form", [whole, chunked])
async def test_requests_are_counted_however_the_answer_is_framed(program, posting, form):
    async with http_server(lambda body: form(ANSWER)) as port:
        figures = await load(program, port, *posting('{"query":"{ me { id } }"}'), *TIMES)

    assert figures["problem"] == ""
    assert figures["requests"] > 0 and figures["answer_bytes"] == len(ANSWER)


@pytest.mark.parametrize(
    "answers",
    [
        [whole(b'{"data":null,"errors":[]}')],
        [whole(ANSWER, b"429 Too Many Requests")],
        [whole(ANSWER)] * 4 + [whole(ANSWER.replace(b"1", b"2"))],
    ],
    ids=["errors", "a status", "another answer"],
)
async def test_another_answer_than_the_first_is_a_problem(program, posting, answers):
    waiting = list(answers)
    async with http_server(lambda body: waiting.pop(0) if len(waiting) > 1 else waiting[0]) as port:
        figures = await load(program, port, *posting('{"query":"{ me { id } }"}'), *TIMES)

    assert "was answered" in figures["problem"]


async def test_each_request_has_another_number_where_it_is_asked_for(program, posting):
    bodies: list[bytes] = []

    def note(body: bytes) -> bytes:
        bodies.append(body)
        return whole(b'{"data":%d}' % len(bodies))

    async with http_server(note) as port:
        figures = await load(program, port, *posting('{"query":"{ a00000000: me }"}'), "--requests", "50")

    assert figures["problem"] == ""
    assert figures["requests"] >= 50
    assert len(set(bodies)) == len(bodies)
