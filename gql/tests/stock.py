"""Stock JavaScript clients of GraphQL, told what to do by a test (gql/tests/node)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

Json = dict[str, Any]
TIMEOUT_S = 60  # on a machine with other work


class StockClient:
    """One of the clients of gql/tests/node/libraries.mjs, in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._reports: list[Json] = []
        self._executed = 0

    async def execute(self, query: str, /, **variables: Any) -> Json:
        """The result of a query or mutation: `{data, errors}`."""
        self._executed += 1
        operation_id = f"execute-{self._executed}"
        await self._order(id=operation_id, execute={"query": query, "variables": variables})
        return (await self.report(lambda report: report.get("id") == operation_id))["result"]

    async def follow(self, operation_id: str, query: str, /, **variables: Any) -> None:
        """Subscribe."""
        await self._order(id=operation_id, follow={"query": query, "variables": variables})

    async def stop(self, operation_id: str) -> None:
        """End a subscription."""
        await self._order(id=operation_id, stop=True)

    async def use_token(self, token: str) -> None:
        """Connect with this one from now on."""
        await self._order(token=token)

    async def of(self, operation_id: str) -> Json:
        """What the client says next about the operation."""
        return await self.report(lambda report: report.get("id") == operation_id)

    async def next_data(self, operation_id: str) -> Json:
        """The data of the operation's next result, which must have no errors."""
        report = await self.of(operation_id)
        assert "errors" not in report.get("next", report), report
        return report["next"]["data"]

    async def state(self, state: str) -> Json:
        """The next time the connection is in this state."""
        return await self.report(lambda report: report.get("state") == state)

    async def report(self, wanted: Callable[[Json], bool]) -> Json:
        """The first report like that which was not asked for yet. Others wait for who asks for them."""
        for number, report in enumerate(self._reports):
            if wanted(report):
                return self._reports.pop(number)
        assert self._process.stdout
        async with asyncio.timeout(TIMEOUT_S):
            async for line in self._process.stdout:
                report = json.loads(line)
                if wanted(report):
                    return report
                self._reports.append(report)
        raise AssertionError(f"the client ended; it said last: {self._reports[-3:]}")

    async def _order(self, **order: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()


@asynccontextmanager
async def stock_client(
    node_path: str, folder: Path, library: str, url: str, token: str
) -> AsyncIterator[StockClient]:
    """Run a client against `url`, which ends with the block."""
    process = await asyncio.create_subprocess_exec(
        *(node_path, "client.mjs", library, f"{url}/graphql", token),
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=16 * 1024 * 1024,
    )
    assert process.stdin
    try:
        yield StockClient(process)
    finally:
        process.stdin.close()
        await process.wait()


async def run_script(node_path: str, folder: Path, script: str, *arguments: str) -> Any:
    """What a script prints as JSON."""
    process = await asyncio.create_subprocess_exec(
        node_path, script, *arguments, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(TIMEOUT_S):
        output, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(output)
