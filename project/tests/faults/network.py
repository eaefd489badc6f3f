"""A bad network: a TCP proxy that cuts connections, in the middle of a frame too, lets them hang, and comes back."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_READ_BYTES = 2**16


class _Link:
    """One connection through the proxy, with its two streams to either side."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self.writers = writers
        self.is_torn = self.is_forgotten = False

    def cut(self) -> None:
        """End both sides at once, without a goodbye; what is on its way is gone."""
        for writer in self.writers:
            writer.transport.abort()


class BadNetwork:
    """Passes connections on to a port until told otherwise; `cuts` counts those that it ended."""

    def __init__(self, target_port: int) -> None:
        self.cuts = 0
        self._target_port = target_port
        self._links: set[_Link] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._refuses = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> int:
        """Listen; gives the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Cut everything and end."""
        self._server.close()
        self.cut(1.0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ------------------------------------------------------------------------------------------- what it does

    def cut(self, share: float) -> None:
        """Cut this share of the connections now."""
        for link in self._some(share):
            link.cut()
            self.cuts += 1

    def tear(self, share: float) -> None:
        """Pass half of the next bytes on to this share of the clients, then cut them: a frame ends in its middle."""
        for link in self._some(share):
            link.is_torn = True
            self.cuts += 1

    def stall(self) -> None:
        """Pass nothing on, and tell nobody: connections are half-open until `resume`."""
        self._flows.clear()

    def forget(self, share: float) -> None:
        """Cut only the server's side of this share: such clients speak to nobody, and are not told."""
        for link in self._some(share):
            link.is_forgotten = True
            link.writers[1].transport.abort()
            self.cuts += 1

    def resume(self) -> None:
        """Pass on what waits, and all that follows."""
        self._flows.set()

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """Be gone: nobody is connected, nobody gets in."""
        self._refuses = True
        self.cut(1.0)
        try:
            yield
        finally:
            self._refuses = False

    def _some(self, share: float) -> list[_Link]:
        links = list(self._links)
        return random.sample(links, max(1, round(share * len(links)))) if links else []

    # ------------------------------------------------------------------------------------------- how

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._link(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, up_writer)
        self._links.add(link)
        try:
            await asyncio.gather(self._to_server(link, reader), self._to_client(link, up_reader))
        except OSError:
            pass  # one side has gone, so the other goes too
        finally:
            self._links.discard(link)
            link.cut()

    async def _to_server(self, link: _Link, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(_READ_BYTES):
            await self._flows.wait()
            if not link.is_forgotten:
                link.writers[1].write(data)
                await link.writers[1].drain()
        raise ConnectionAbortedError

    async def _to_client(self, link: _Link, reader: asyncio.StreamReader) -> None:
        try:
            while data := await reader.read(_READ_BYTES):
                await self._flows.wait()
                link.writers[0].write(data[: len(data) // 2] if link.is_torn else data)
                await link.writers[0].drain()
                if link.is_torn:
                    break
        except OSError:
            if not link.is_forgotten:
                raise
        if not link.is_forgotten:
            raise ConnectionAbortedError


@asynccontextmanager
async def bad_network(target_port: int) -> AsyncIterator[tuple[BadNetwork, int]]:
    """A network in front of a port, and the port that leads through it."""
    network = BadNetwork(target_port)
    port = await network.open()
    try:
        yield network, port
    finally:
        await network.close()
