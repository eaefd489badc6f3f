"""Stock clients against the echo server, beyond what chat needs: acknowledgements both ways, bytes, more namespaces."""

import asyncio
import http.client
import json
import os
import socket as sockets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import socketio

from chat.tests import echo

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("stock_echo_client.cjs")
TRANSPORTS = pytest.mark.parametrize(
    "transports",
    [["polling", "websocket"], ["polling"], ["websocket"]],
    ids=["default", "polling", "websocket"],
)


@pytest.fixture(scope="module")
def echo_url() -> Iterator[str]:
    """The echo server in a process of its own, with heartbeats that a busy machine can keep."""
    with sockets.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "chat.tests.echo", "--port", str(port), "--patient"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not _answers(port):
            assert process.poll() is None and time.monotonic() < deadline, "the echo server did not start"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def _answers(port: int) -> bool:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        client.request("GET", "/socket.io/?EIO=4&transport=nothing")
        return client.getresponse().status == 400
    except OSError:
        return False
    finally:
        client.close()


@pytest.fixture
def run_javascript(echo_url, node_path, node_modules):
    """A function that runs a case of the script and gives what came of it."""

    async def run(name: str, transports: list[str]) -> Any:
        process = await asyncio.create_subprocess_exec(
            *(node_path, str(SCRIPT), echo_url, name, *transports),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "NODE_PATH": str(node_modules)},
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), 60)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return json.loads(output)

    return run


@TRANSPORTS
async def test_events_are_acknowledged_in_both_directions(run_javascript, transports):
    found = await run_javascript("acks", transports)

    assert found == {"fromServer": [1, "two", [3]], "both": [42, {"binary": {"bytes": [9, 8]}}]}


@TRANSPORTS
async def test_bytes_travel_anywhere_in_an_event_and_in_an_acknowledgement(run_javascript, transports):
    found = await run_javascript("binary", transports)

    assert found == {
        "received": [{"bytes": [1, 2, 3]}, {"deep": [{"bytes": [4]}]}, "text"],
        "acked": [{"bytes": [5]}],
    }


@TRANSPORTS
async def test_a_namespace_ends_while_another_on_the_same_connection_lives(run_javascript, transports):
    found = await run_javascript("namespaces", transports)

    assert found["shared"] is True
    assert found["gone"][0] == "io server disconnect"
    assert (found["alive"], found["again"]) == ("still here", "and here")


@TRANSPORTS
async def test_an_unknown_namespace_is_refused_and_the_others_live(run_javascript, transports):
    found = await run_javascript("unknown", transports)

    assert found == {"message": "Invalid namespace", "active": False, "alive": "alive"}


@TRANSPORTS
async def test_the_python_client_acknowledges_sends_bytes_and_uses_namespaces(echo_url, transports):
    client = socketio.AsyncClient()
    back: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    client.on("message-back", lambda *arguments: back.set_result(arguments), namespace="/custom")
    client.on("question", lambda n: (n + 1, b"\x09"))
    await client.connect(echo_url, namespaces=["/", "/custom"], transports=transports, wait_timeout=60)

    assert await client.call("message-with-ack", (1, b"\x01\x02")) == (1, b"\x01\x02")
    assert await client.call("ask-me", 41) == (42, b"\x09")
    await client.emit("message", (b"\x05", {"deep": [b"\x06"]}), namespace="/custom")
    assert await asyncio.wait_for(back, 60) == (b"\x05", {"deep": [b"\x06"]})

    await client.emit("send-me-away", namespace="/custom")
    async with asyncio.timeout(60):
        while "/custom" in client.namespaces:  # noqa: ASYNC110 - the client tells nobody
            await asyncio.sleep(0.01)
    assert await client.call("message-with-ack", "still here") == "still here"
    await client.disconnect()


async def test_the_python_client_is_told_of_an_unknown_namespace(echo_url):
    client = socketio.AsyncClient()
    with pytest.raises(socketio.exceptions.ConnectionError, match="/nowhere"):
        await client.connect(echo_url, namespaces=["/nowhere"], wait_timeout=60)


async def test_who_does_not_acknowledge_or_goes_is_not_waited_for_for_ever(monkeypatch):
    from chat.sockets import namespaces
    from chat.sockets.engine import SessionClosed
    from chat.tests.socket_client import WireClient

    asked: list[Any] = []

    class Asking(echo.EchoNamespace):
        def connected(self, socket: echo.EchoSocket) -> None:
            asked.append(asyncio.ensure_future(socket.call("first", timeout_s=0.05)))
            asked.append(asyncio.ensure_future(socket.call("second")))

    monkeypatch.setattr(echo, "EchoNamespace", Asking)
    path = "/socket.io/?EIO=4&transport=websocket"
    client = await WireClient(path=path, application=echo.echo_application()).open()
    await client.connect()
    await client.send('4377["to nobody"]')

    with pytest.raises(TimeoutError):
        await asked[0]
    await client.disconnect()
    with pytest.raises(SessionClosed):
        await asyncio.wait_for(asked[1], namespaces.CALL_TIMEOUT_S / 2)
