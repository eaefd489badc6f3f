"""Three web processes behind one port, as `up --web 3` starts them: stock clients need not stay with one of them."""

import asyncio
import gc
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import socketio
from redis import Redis

from chat.tests.waiting import eventually
from project.tests.upruns import Up

SCRIPT = Path(__file__).with_name("many_stock_clients.cjs")
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    up = Up(tmp_path_factory.mktemp("web") / "data", arguments=("--web", "3", "--jobs", "0"))
    up.variables |= {"DEMO_PASSWORD": PASSWORD, "RATE_LIMITS": "off"}
    try:
        yield up.start().wait_until_ready()
        assert "ERROR chat" not in up.printed(), up.printed()
    finally:
        up.clean_up()


@pytest.fixture
async def url(running) -> str:
    return f"http://127.0.0.1:{running.port}"


@pytest.fixture
async def token(url) -> str:
    async with httpx2.AsyncClient(base_url=url, timeout=60) as http:
        answer = await http.post("/api/token/", json={"username": "ada", "password": PASSWORD})
        return answer.json()["access"]


@pytest.fixture
async def room(url, token) -> str:
    query = "{ rooms(first: 10) { edges { node { id name } } } }"
    async with httpx2.AsyncClient(base_url=url, timeout=60) as http:
        headers = {"authorization": f"Bearer {token}"}
        answer = (await http.post("/graphql", json={"query": query}, headers=headers)).json()
        return answer["data"]["rooms"]["edges"][0]["node"]["id"]


class Crowd:
    """Stock JavaScript clients in one process, and what they reported."""

    def __init__(self, count: int, process: asyncio.subprocess.Process) -> None:
        self.count = count
        self._process = process
        self._reports: list[dict[str, Any]] = []
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            self._reports.append(json.loads(line))

    def reported(self, kind: str) -> list[list[Any]]:
        """What each client reported of this kind, in order."""
        told: list[list[Any]] = [[] for _ in range(self.count)]
        for report in self._reports:
            if kind in report:
                told[report["client"]].append(report[kind])
        return told

    async def until_all(self, kind: str, *, times: int = 1) -> None:
        """Wait until each client has reported this so often."""
        try:
            await eventually(lambda: all(len(told) >= times for told in self.reported(kind)))
        except TimeoutError:
            raise AssertionError(f"{kind}: {self.reported(kind)}; lost: {self.reported('lost')}") from None

    async def exchange(self, text: str) -> None:
        """Let each send a text, and wait until each has heard all of them."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"send": text}).encode() + b"\n")
        await self._process.stdin.drain()
        texts = {f"{text} {client}" for client in range(self.count)}
        try:
            await eventually(
                lambda: all(texts <= set(heard) for heard in self.reported("heard")), timeout_s=60
            )
        except TimeoutError:
            missing = [texts - set(heard) for heard in self.reported("heard")]
            raise AssertionError(f"not heard: {missing}; lost: {self.reported('lost')}") from None

    async def end(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        await self._process.wait()
        await self._reader


@pytest.fixture
async def crowd(node_path, node_modules, url, token, room):
    """A function: `async with crowd(20, "polling") as clients`; without transports they poll, and upgrade."""

    @asynccontextmanager
    async def start(count: int, *transports: str) -> AsyncIterator[Crowd]:
        process = await asyncio.create_subprocess_exec(
            *(node_path, str(SCRIPT), url, token, room, str(count), *transports),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "NODE_PATH": str(node_modules)},
        )
        clients = Crowd(count, process)
        try:
            await clients.until_all("joined")
            yield clients
        finally:
            await clients.end()

    return start


def involved(running: Up) -> int:
    """How many web processes have a line to the others: it opens with the first polling session or request."""
    with Redis.from_url(running.addresses.redis_url) as redis:
        return len(redis.pubsub_channels("parley.web.*"))


async def test_twenty_of_twenty_clients_connect_by_polling_and_exchange_messages(running, crowd):
    async with crowd(20, "polling") as clients:
        await clients.exchange("by polling")

        assert clients.reported("lost") == [[]] * 20
        assert involved(running) > 1
        assert [len(joined) for joined in clients.reported("joined")] == [1] * 20


async def test_twenty_of_twenty_clients_connect_and_upgrade_and_exchange_messages(running, crowd):
    async with crowd(20) as clients:
        await clients.until_all("upgrade")
        await clients.exchange("upgraded")

        assert clients.reported("lost") == [[]] * 20
        assert involved(running) > 1
        assert clients.reported("upgrade") == [["websocket"]] * 20


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("transports", [["polling", "websocket"], ["polling"]], ids=["default", "polling"])
async def test_twenty_of_twenty_python_clients_connect_and_exchange_messages(url, token, room, transports):
    clients = [socketio.AsyncClient(reconnection=False) for _ in range(20)]
    heard: list[set[str]] = [set() for _ in clients]
    for client, texts in zip(clients, heard, strict=True):
        client.on("new-message", lambda message, texts=texts: texts.add(message["text"]))

    for client in clients:
        await client.connect(url, auth={"token": token}, transports=transports, wait_timeout=60)
        assert (await client.call("join-room", room))["ok"]
    sent = {f"python {transports} {number}" for number in range(20)}
    for client, text in zip(clients, sent, strict=True):
        assert (await client.call("send-message", (room, text)))["ok"]

    await eventually(lambda: all(sent <= texts for texts in heard))
    assert [client.transport() for client in clients] == [transports[-1]] * 20
    for client in clients:
        await client.disconnect()
    gc.collect()  # the client does not read the answers to its POSTs: aiohttp complains here, not in a later test


def is_replaced(running: Up, victim: int) -> bool:
    """Whether this web process has ended, and another was started."""
    pids = running.pids("project.web")
    return victim not in pids and len(pids) == 3


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("transports", [("polling",), ()], ids=["polling", "default"])
async def test_clients_outlive_each_web_process(running, crowd, transports, number):
    async with crowd(9, *transports) as clients:
        first = [joined[0].partition(".")[0] for joined in clients.reported("joined")]
        for victim in running.pids("project.web"):
            os.kill(victim, number)
            await clients.exchange(f"after {transports} {victim}")
            await eventually(lambda victim=victim: is_replaced(running, victim))

        await clients.exchange(f"at the end {transports} {victim}")
        last = [joined[-1].partition(".")[0] for joined in clients.reported("joined")]
        assert not set(first) & set(last)


async def test_clients_who_poll_outlive_valkey(running, crowd):
    async with crowd(9, "polling") as clients:
        await clients.exchange("before")
        [victim] = running.pids("valkey")

        os.kill(victim, signal.SIGKILL)

        await clients.exchange(f"after {victim}")
