"""uvicorn's WebSocket protocol without what an open connection keeps for nothing: about 7 KB of each.

Four deques, of which an empty one takes 760 bytes; the headers of the handshake; and a timer for pings, where what
speaks over the WebSocket has a heartbeat of its own.
"""

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class Messages:
    """What the protocol uses of `asyncio.Queue`, for one reader. Few messages wait: reading pauses while any does."""

    __slots__ = ("_arrived", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[Any] = []
        self._arrived: asyncio.Future[None] | None = None

    def put_nowait(self, message: Any) -> None:
        """Add a message."""
        self._waiting.append(message)
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    async def get(self) -> Any:
        """Wait for the next message and take it."""
        while not self._waiting:
            self._arrived = asyncio.get_running_loop().create_future()
            await self._arrived
        self._arrived = None
        return self._waiting.pop(0)

    def empty(self) -> bool:
        """Whether none waits."""
        return not self._waiting


class Gate:
    """What the protocol uses of `asyncio.Event`. It is open at first."""

    __slots__ = ("_opened",)

    def __init__(self) -> None:
        self._opened: asyncio.Future[None] | None = None

    def is_set(self) -> bool:
        """Whether it is open."""
        return self._opened is None

    def set(self) -> None:
        """Open it, for those who wait and for those to come."""
        if self._opened is not None:
            self._opened.set_result(None)
            self._opened = None

    def clear(self) -> None:
        """Close it."""
        if self._opened is None:
            self._opened = asyncio.get_running_loop().create_future()

    async def wait(self) -> None:
        """Return once it is open."""
        while self._opened is not None:
            await asyncio.shield(self._opened)


class SlimWebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.queue = Messages()  # type: ignore[assignment]
        self.writable = Gate()  # type: ignore[assignment]

    def start_keepalive(self) -> None:
        """The handshake is over, and what was said in it is not needed here any more."""
        super().start_keepalive()
        self.request.headers.clear()  # the parser keeps the request for good
        self.response.headers.clear()
        del self.request, self.response, self.scope
