"""The stock JavaScript client, told what to do by a test. A pytest plugin, named in conftest.py."""

import asyncio
import json
import os
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("stock_client.cjs")


class NodeClient:
    """The stock JavaScript client in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.passed_over: list[dict[str, Any]] = []  # what it reported before what was waited for

    async def order(self, **order: Any) -> None:
        """Tell it what to do."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()

    async def until(self, kind: str) -> Any:
        """The next thing of that kind that it reports."""
        assert self._process.stdout
        async with asyncio.timeout(60):
            async for line in self._process.stdout:
                report = json.loads(line)
                if kind in report:
                    return report[kind] if len(report) == 1 else report
                self.passed_over.append(report)
        raise AssertionError(f"the client ended before {kind}")

    async def emit(self, *event: Any) -> Any:
        """Emit an event; its acknowledgement."""
        await self.order(emit=event)
        return await self.until("ack")

    async def event(self, name: str) -> list[Any]:
        """The next event of that name."""
        while True:
            event = await self.until("event")
            if event[0] == name:
                return event


@pytest.fixture
def start_node(node_path: str, node_modules: Path):
    """A function that starts a stock JavaScript client: `async with start_node(url, token) as client`.

    Without transports the client does what it does by itself: it polls, and upgrades.
    """

    @asynccontextmanager
    async def start(url: str, token: str, *transports: str):
        process = await asyncio.create_subprocess_exec(
            *(node_path, str(SCRIPT), url, token, *transports),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "NODE_PATH": str(node_modules)},
        )
        assert process.stdin
        try:
            yield NodeClient(process)
        finally:
            process.stdin.close()
            await process.wait()

    return start
