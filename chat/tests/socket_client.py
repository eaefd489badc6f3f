"""A Socket.IO client for tests that speaks in wire strings to the ASGI application, in the test's own event loop."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import orjson
from asgiref.testing import ApplicationCommunicator
from channels.routing import get_default_application

from chat.access.tokens import SignInSerializer
from chat.database import run_in_db
from chat.models import User

PATH = "/socket.io/?EIO=4&transport=websocket"
HOST = (b"host", b"localhost")


async def access_token(user: User) -> str:
    """An access token of a new sign-in of the user."""

    def make() -> str:
        refresh: Any = SignInSerializer.get_token(user)
        return str(refresh.access_token)

    return await run_in_db(make)


class WireClient:
    """One WebSocket. Events that arrive while something else is awaited wait in `events`, in order.

    While `reads` is not set, the server's frames are stuck on their way. `room-updated` comes when it comes, so it is
    dropped unless `hears_updates`.
    """

    hears_updates = False

    def __init__(
        self, *headers: tuple[bytes, bytes], path: str = PATH, application: Any = None, address: str = ""
    ) -> None:
        route, _, query = path.partition("?")
        scope = {
            "type": "websocket",
            "path": route,
            "query_string": query.encode(),
            "headers": [HOST, *headers],
            "subprotocols": [],
            "client": (address, 0),
        }
        self._served = application or get_default_application()
        self.reads = asyncio.Event()
        self.reads.set()
        self.wire = ApplicationCommunicator(self._application, scope)
        self.events: deque[list[Any]] = deque()
        self.handshake: dict[str, Any] = {}
        self._ack_id = 0

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_when_read(message: dict[str, Any]) -> None:
            if message["type"] == "websocket.send":
                await self.reads.wait()
                if not self.hears_updates and (message.get("text") or "").startswith('42["room-updated"'):
                    return
            await send(message)

        await self._served(scope, receive, send_when_read)

    async def open(self) -> "WireClient":
        """Open the transport and read the handshake."""
        assert await self.accepted()
        frame = await self.receive()
        assert frame[0] == "0"
        self.handshake = orjson.loads(frame[1:])
        return self

    async def accepted(self) -> bool:
        """Whether the server accepts the WebSocket."""
        await self.wire.send_input({"type": "websocket.connect"})
        return (await self.wire.receive_output(60))["type"] == "websocket.accept"

    async def receive(self, timeout_s: float = 60) -> str:
        """The next frame."""
        message = await self.wire.receive_output(timeout_s)
        assert message["type"] == "websocket.send", message
        return message["text"]

    async def send(self, frame: str | bytes) -> None:
        """Send a frame as it is."""
        if isinstance(frame, str):
            await self.wire.send_input({"type": "websocket.receive", "text": frame})
        else:
            await self.wire.send_input({"type": "websocket.receive", "bytes": frame})

    async def connect(self, auth: object = None) -> str:
        """Connect to the default namespace; the server's answer as it came."""
        await self.send("40" + ("" if auth is None else orjson.dumps(auth).decode()))
        return await self.receive()

    async def emit(self, *event: Any) -> dict[str, Any]:
        """Emit an event and wait for its acknowledgement."""
        ack_id, self._ack_id = self._ack_id, self._ack_id + 1
        await self.send(f"42{ack_id}{orjson.dumps(event).decode()}")
        while True:
            frame = await self.receive()
            if frame.startswith(f"43{ack_id}["):
                [answer] = orjson.loads(frame[frame.index("[") :])
                return answer
            self._keep(frame)

    async def event(self, name: str | None = None) -> list[Any]:
        """The next event (of that name; others before it are dropped) as `[name, *arguments]`."""
        while True:
            while not self.events:
                self._keep(await self.receive())
            event = self.events.popleft()
            if name in (None, event[0]):
                return event

    async def events_until(self, last: Callable[[list[Any]], bool]) -> list[list[Any]]:
        """All events up to the first for which `last` holds."""
        found: list[list[Any]] = []
        while not found or not last(found[-1]):
            found.append(await self.event())
        return found

    async def no_event(self, quiet_s: float = 0.2) -> bool:
        """Whether nothing arrives for a while; what does is printed."""
        if not self.events and await self.wire.receive_nothing(quiet_s):
            return True
        print("arrived:", [*self.events] or await self.receive())
        return False

    async def closed(self, timeout_s: float = 60) -> list[str]:
        """Wait for the server to close; the frames that came before."""
        frames: list[str] = []
        while True:
            message = await self.wire.receive_output(timeout_s)
            if message["type"] == "websocket.close":
                return frames
            frames.append(message.get("text") or message.get("bytes"))

    async def disconnect(self) -> None:
        """Go, as a browser does that is closed."""
        await self.wire.send_input({"type": "websocket.disconnect", "code": 1001})
        await self.wire.wait(timeout=60)

    def _keep(self, frame: str) -> None:
        if frame.startswith("42"):
            self.events.append(orjson.loads(frame[2:]))
        elif frame != "2":
            raise AssertionError(f"unexpected frame {frame}")


async def sign_in(user: User) -> WireClient:
    """A client connected to the default namespace as the user. It declines recovery, so its messages have no offset."""
    client = await WireClient().open()
    answer = await client.connect({"token": await access_token(user), "recovery": False})
    assert answer.startswith('40{"sid":'), answer
    return client


async def disconnect_all(*clients: WireClient) -> None:
    """Disconnect several clients at once."""
    await asyncio.gather(*(client.disconnect() for client in clients))
