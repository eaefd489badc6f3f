"""Stock socket.io-clients in one process of Node (`stock_clients.cjs`), each with its log."""

import asyncio
import itertools
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from project.tests.faults.own_client import NoAnswer
from project.tests.faults.verdict import ClientLog, Wire

SCRIPT = Path(__file__).with_name("stock_clients.cjs")
LINE_MAX_BYTES = 2**20


class StockClient:
    """One of them. `recovered` counts the connects at which the session was, and was not."""

    def __init__(self, group: "StockClients", name: str, rooms: list[str]) -> None:
        self.log = ClientLog(name)
        self.recovered: Counter[bool] = Counter()
        self.disconnected: Counter[str] = Counter()
        self.refusals: list[Wire] = []
        self._group = group
        self._rooms = rooms

    @property
    def connects(self) -> int:
        return self.recovered.total()

    def joined(self) -> bool:
        """Whether it has been in each room."""
        return len(self.log.joined) == len(self._rooms)

    async def request(self, *event: Any) -> Wire:
        """Emit an event; its acknowledgement.

        Raises:
            NoAnswer: none came.
        """
        return await self._group.request(self.log.name, *event)

    def take(self, report: dict[str, Any]) -> None:
        """Write down what the process reported of this client."""
        if "event" in report:
            self.log.add(report["event"], report["message"])
        elif "joined" in report:
            self.log.join(report["joined"], report["version"])
        elif "connected" in report:
            self.recovered[report["connected"]] += 1
        elif "disconnected" in report:
            self.disconnected[report["disconnected"]] += 1
        else:
            self.refusals.append(report["refused"])


class StockClients:
    """The process. `run` is its life; `follow` adds a client to it."""

    def __init__(self, node: str, modules: Path) -> None:
        self.clients: dict[str, StockClient] = {}
        self._command = (node, str(SCRIPT))
        self._environment = {**os.environ, "NODE_PATH": str(modules)}
        self._orders: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._answers: dict[int, asyncio.Future[Wire | None]] = {}
        self._numbers = itertools.count()

    def follow(self, name: str, port: int, token: str, rooms: list[str], *transports: str) -> StockClient:
        """Start a client; without transports it does what it does by itself: it polls, and upgrades."""
        client = self.clients[name] = StockClient(self, name, rooms)
        order = {"name": name, "url": f"http://127.0.0.1:{port}", "token": token, "rooms": rooms}
        self._orders.put_nowait({"follow": order | {"transports": transports}})
        return client

    async def request(self, client: str, *event: Any) -> Wire:
        """Have a client emit an event; its acknowledgement. Raises NoAnswer."""
        number = next(self._numbers)
        waiting = self._answers[number] = asyncio.get_running_loop().create_future()
        self._orders.put_nowait({"request": number, "client": client, "event": event})
        answer = await waiting
        if answer is None:
            raise NoAnswer
        return answer

    async def run(self) -> None:
        """Pass orders on and reports back until cancelled."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_MAX_BYTES,
            env=self._environment,
        )
        writing = asyncio.create_task(self._write(process))
        try:
            assert process.stdout
            async for line in process.stdout:
                self._take(json.loads(line))
            raise AssertionError("the process of the stock clients ended")
        finally:
            writing.cancel()
            assert process.stdin
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                process.kill()
                await process.wait()

    async def _write(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin
        while True:
            process.stdin.write(json.dumps(await self._orders.get()).encode() + b"\n")
            await process.stdin.drain()

    def _take(self, report: dict[str, Any]) -> None:
        if "answer" in report:
            self._answers.pop(report["answer"]).set_result(report["result"])
        else:
            self.clients[report["client"]].take(report)
