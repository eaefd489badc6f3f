"""An Engine.IO client for tests that polls the ASGI application, in the test's own event loop."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
from asgiref.testing import ApplicationCommunicator
from channels.routing import get_default_application

from chat.models import User
from chat.sockets.protocol.engineio import PAYLOAD_SEPARATOR
from chat.tests.socket_client import HOST, WireClient, access_token

HANDSHAKE = {"EIO": "4", "transport": "polling"}
UNKNOWN_SESSION = {"code": 1, "message": "Session ID unknown"}
BAD_REQUEST = {"code": 3, "message": "Bad request"}


@dataclass
class Response:
    """What the server answered."""

    status: int
    headers: dict[bytes, bytes]
    text: str

    @property
    def problem(self) -> Any:
        """The body of an error."""
        assert self.status == 400, self
        return orjson.loads(self.text)


class PollingClient:
    """One session over HTTP; every request carries the headers given."""

    def __init__(
        self,
        *headers: tuple[bytes, bytes],
        application: Any = None,
        path: str = "/socket.io/",
        address: str = "",
    ) -> None:
        self.address = address
        self.headers = [HOST, *headers]
        self.path = path
        self.sid = ""
        self.handshake: dict[str, Any] = {}
        self._application = application or get_default_application()

    def start(self, method: str, query: Mapping[str, str]) -> ApplicationCommunicator:
        """A request whose body is not yet sent."""
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": self.path,
            "query_string": urlencode(query).encode(),
            "headers": list(self.headers),
            "client": (self.address, 0),
        }
        return ApplicationCommunicator(self._application, scope)

    async def request(self, method: str, query: Mapping[str, str], body: bytes = b"") -> Response:
        """Send a request and wait for its answer."""
        request = self.start(method, query)
        await request.send_input({"type": "http.request", "body": body})
        begin = await request.receive_output(60)
        content = await request.receive_output(60)
        await request.wait()
        return Response(begin["status"], dict(begin["headers"]), content["body"].decode())

    async def open(self) -> "PollingClient":
        """Shake hands."""
        answer = await self.request("GET", HANDSHAKE)
        assert answer.status == 200 and answer.text[0] == "0", answer
        self.handshake = orjson.loads(answer.text[1:])
        self.sid = self.handshake["sid"]
        return self

    async def get(self) -> Response:
        """Poll once."""
        return await self.request("GET", {**HANDSHAKE, "sid": self.sid})

    async def poll(self) -> list[str]:
        """Poll once; the packets."""
        answer = await self.get()
        assert answer.status == 200, answer
        return answer.text.split(PAYLOAD_SEPARATOR)

    async def post(self, *packets: str | bytes) -> Response:
        """Send packets: text as it is; bytes are a body of their own."""
        body = b"".join(p for p in packets if isinstance(p, bytes))
        text = PAYLOAD_SEPARATOR.join(p for p in packets if isinstance(p, str))
        return await self.request("POST", {**HANDSHAKE, "sid": self.sid}, text.encode() + body)

    async def send(self, *packets: str) -> None:
        """Send packets that the server takes."""
        answer = await self.post(*packets)
        assert (answer.status, answer.text) == (200, "ok"), answer

    async def connect(self, auth: object = None) -> str:
        """Connect to the default namespace; the server's answer as it came."""
        await self.send("40" + ("" if auth is None else orjson.dumps(auth).decode()))
        [answer] = await self.poll()
        if answer == "2":  # a heartbeat was due before the server had an answer
            await self.send("3")
            [answer] = await self.poll()
        return answer

    def probe(self) -> WireClient:
        """A WebSocket that names this session; not yet open."""
        path = f"{self.path}?EIO=4&transport=websocket&sid={self.sid}"
        return WireClient(*self.headers[1:], path=path, application=self._application)

    async def upgrade(self) -> WireClient:
        """Change over to a WebSocket, as stock clients do."""
        socket = self.probe()
        assert await socket.accepted()
        await socket.send("2probe")
        assert await socket.receive() == "3probe"
        await socket.send("5")
        return socket

    async def close(self) -> None:
        """Close the session."""
        await self.send("1")


async def poll_as(user: User) -> PollingClient:
    """A client connected to the default namespace as the user, over polling."""
    client = await PollingClient().open()
    answer = await client.connect({"token": await access_token(user)})
    assert answer.startswith('40{"sid":'), answer
    return client


async def until_waiting() -> None:
    """Let requests that were started come to where they wait."""
    await asyncio.sleep(0.05)
