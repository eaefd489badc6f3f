"""A subscriber of `roomEvents` over graphql-transport-ws that subscribes again with `since`, and a poster over HTTP."""

import asyncio
import random
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection

from project.tests.faults.own_client import ACK_TIMEOUT_S, CONNECTION_LOST, open_socket
from project.tests.faults.verdict import ClientLog, Wire

_MESSAGE = "message { id roomId version text status deletedAt }"
_ROOM_EVENTS = f"""subscription($room: ID!, $since: Int) {{ roomEvents(roomId: $room, since: $since) {{
  __typename ... on MessageAdded {{ {_MESSAGE} }} ... on MessageUpdated {{ {_MESSAGE} }} }} }}"""
_NAMES = {"MessageAdded": "new-message", "MessageUpdated": "message-updated"}
SILENCE_S = 45.0


class GraphQLClient:
    """Follows its rooms, from their beginning, until cancelled."""

    def __init__(self, name: str, port: int, token: str, rooms: list[str]) -> None:
        self.log = ClientLog(name)
        self.connects = 0
        self.refusals: list[Wire] = []
        self._uri = f"ws://127.0.0.1:{port}/graphql"
        self._init = {"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}
        self._rooms = rooms
        for room in rooms:
            self.log.join(room, 0)

    def joined(self) -> bool:
        """Whether it was ever told of a room; since it follows from the beginning, it misses nothing."""
        return self.connects > 0

    async def run(self) -> None:
        """Connect, subscribe, and come back after each loss."""
        while True:
            try:
                async with open_socket(self._uri, "graphql-transport-ws") as socket:
                    await self._live(socket)
            except CONNECTION_LOST:
                pass  # the very thing that is tested
            await asyncio.sleep(random.uniform(0.1, 0.4))

    async def _live(self, socket: ClientConnection) -> None:
        await self._send(socket, self._init)
        while True:
            async with asyncio.timeout(SILENCE_S):  # a subscription that stays silent is begun anew
                message = orjson.loads(await socket.recv())
            match message["type"]:
                case "connection_ack":
                    self.connects += 1
                    for room in self._rooms:
                        await self._subscribe(socket, room)
                case "next" if message["payload"].get("data"):
                    self._take(message["payload"]["data"]["roomEvents"])
                case "next" | "error" | "complete":
                    self.refusals.append(message)
                    return  # begun anew, as Apollo and urql do with their retry links
                case "ping":
                    await self._send(socket, {"type": "pong"})

    async def _subscribe(self, socket: ClientConnection, room: str) -> None:
        variables = {"room": room, "since": self.log.position(room)}
        payload = {"query": _ROOM_EVENTS, "variables": variables}
        await self._send(socket, {"type": "subscribe", "id": room, "payload": payload})

    async def _send(self, socket: ClientConnection, message: Wire) -> None:
        await asyncio.wait_for(socket.send(orjson.dumps(message).decode()), ACK_TIMEOUT_S)

    def _take(self, event: dict[str, Any]) -> None:
        name = _NAMES.get(event["__typename"])
        if name:
            message = event["message"]
            self.log.add(name, message | {"status": message["status"].lower()})
