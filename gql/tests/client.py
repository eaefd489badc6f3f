"""Clients of the GraphQL endpoint for tests: HTTP, server-sent events and graphql-transport-ws."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from asgiref.testing import ApplicationCommunicator

from chat.access.tokens import SignInSerializer
from chat.database import run_in_db
from chat.events import room_group
from chat.live.hub import current_hub
from chat.models import User
from chat.tests.waiting import eventually

Json = dict[str, Any]
TIMEOUT_S = 60


async def access_token(user: User) -> str:
    """An access token of a new sign-in."""
    return await run_in_db(lambda: str(SignInSerializer.get_token(user).access_token))  # type: ignore[attr-defined]


class GraphQLClient:
    """Posts operations as one user, or as nobody."""

    def __init__(self, http: httpx2.AsyncClient, user: User | None) -> None:
        self.http = http
        self.user = user
        self.headers: dict[str, str] = {}

    async def post(self, query: str, variables: Json | None = None, **headers: str) -> httpx2.Response:
        if self.user is not None and not self.headers:
            self.headers = {"authorization": f"Bearer {await access_token(self.user)}"}
        return await self.http.post(
            "/graphql", json={"query": query, "variables": variables}, headers={**self.headers, **headers}
        )

    async def run(self, query: str, /, **variables: Any) -> Json:
        """The whole response."""
        return (await self.post(query, variables)).json()

    async def data(self, query: str, /, **variables: Any) -> Json:
        """The data of a response without errors."""
        response = await self.run(query, **variables)
        assert "errors" not in response, response["errors"]
        return response["data"]

    async def error(self, query: str, /, **variables: Any) -> Json:
        """The extensions of the response's only error."""
        [error] = (await self.run(query, **variables))["errors"]
        return error["extensions"]


class Socket:
    """A graphql-transport-ws client on a WebSocket without a network."""

    def __init__(
        self,
        application: Any,
        user: User | None = None,
        *,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        protocol: str = "graphql-transport-ws",
        extensions: Json | None = None,
    ) -> None:
        self.user = user
        scope = {
            "type": "websocket",
            "path": "/graphql",
            "query_string": b"",
            "headers": [(b"host", b"localhost"), *headers],
            "subprotocols": [protocol],
            "extensions": extensions or {},
        }
        self.communicator = ApplicationCommunicator(application, scope)

    async def connect(self) -> None:
        """Open the socket without initialising the connection."""
        await self.communicator.send_input({"type": "websocket.connect"})
        assert (await self.communicator.receive_output(TIMEOUT_S))["type"] == "websocket.accept"

    async def start(self) -> "Socket":
        """Open the socket and initialise the connection with the token."""
        assert self.user is not None
        await self.connect()
        payload = {"authorization": f"Bearer {await access_token(self.user)}"}
        await self.send({"type": "connection_init", "payload": payload})
        assert await self.receive() == {"type": "connection_ack"}
        return self

    async def send(self, message: Any) -> None:
        await self.send_text(json.dumps(message))

    async def send_text(self, text: str) -> None:
        await self.communicator.send_input({"type": "websocket.receive", "text": text})

    async def receive(self) -> Json:
        output = await self.communicator.receive_output(TIMEOUT_S)
        assert output["type"] == "websocket.send", output
        return json.loads(output["text"])

    async def subscribe(self, operation_id: str, query: str, **variables: Any) -> None:
        payload = {"query": query, "variables": variables}
        await self.send({"id": operation_id, "type": "subscribe", "payload": payload})

    async def next_data(self, operation_id: str = "1") -> Json:
        """The data of the next result, which must be one of this operation without errors."""
        message = await self.receive()
        assert (message["type"], message["id"]) == ("next", operation_id), message
        assert "errors" not in message["payload"], message
        return message["payload"]["data"]

    async def close_code(self) -> int:
        """The code the server closes the socket with; messages before it are skipped."""
        return (await self.close())["code"]

    async def close(self) -> Json:
        """The server's ASGI message that closes the socket; messages before it are skipped."""
        while True:
            output = await self.communicator.receive_output(TIMEOUT_S)
            if output["type"] == "websocket.close":
                return output

    async def is_silent(self) -> bool:
        return await self.communicator.receive_nothing(timeout=0.3)

    async def disconnect(self) -> None:
        """Leave; the application must end without an error."""
        await self.communicator.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.communicator.wait(TIMEOUT_S)


class EventStream:
    """A GraphQL-over-SSE client without a network; `events` gives (event, data) and skips comments."""

    def __init__(self, application: Any, token: str | None, query: str, **variables: Any) -> None:
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = [
            (b"host", b"localhost"),
            (b"accept", b"text/event-stream"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        if token:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "query_string": b"",
            "headers": headers,
        }
        self.communicator = ApplicationCommunicator(application, scope)
        self.body = body
        self.headers: dict[bytes, bytes] = {}

    async def start(self) -> "EventStream":
        await self.communicator.send_input({"type": "http.request", "body": self.body})
        start = await self.communicator.receive_output(TIMEOUT_S)
        assert start["status"] == 200
        self.headers = dict(start["headers"])
        return self

    async def events(self) -> AsyncIterator[tuple[str, Any]]:
        more = True
        while more:
            message = await self.communicator.receive_output(TIMEOUT_S)
            more = message.get("more_body", False)
            for block in message["body"].decode().split("\n\n"):
                if block and not block.startswith(":"):
                    event, data = block.split("\n")
                    text = data.removeprefix("data: ")
                    yield event.removeprefix("event: "), json.loads(text) if text else None

    async def leave(self) -> None:
        """Close the connection and wait for the application to end."""
        await self.communicator.send_input({"type": "http.disconnect"})
        await self.communicator.wait(TIMEOUT_S)


async def is_followed(room_id: int) -> None:
    """Wait until a subscription to the room is in force, which the protocol does not tell: it misses nothing then."""
    await eventually(lambda: room_group(room_id) in current_hub().groups())


async def is_left(room_id: int) -> None:
    """Wait until nobody follows the room any more."""
    await eventually(lambda: room_group(room_id) not in current_hub().groups())
