"""A client that recovers its connection as the stock ones do."""

import asyncio

import orjson

from chat.models import Room, SocketSession, User
from chat.tests.socket_client import WireClient, access_token


class Recoverable:
    """A client as the stock ones are: it keeps its pid and its last offset, and sends them when it connects again."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.pid: str | None = None
        self.offset: str | None = None
        self.recovered = False
        self.wire = WireClient()

    async def connect(self, **extra: object) -> "Recoverable":
        kept = {"pid": self.pid, "offset": self.offset} if self.pid else {}
        kept = {name: value for name, value in kept.items() if value is not None}
        self.wire = await WireClient().open()
        answer = await self.wire.connect({**kept, "token": await access_token(self.user), **extra})
        assert answer.startswith("40"), answer
        pid = orjson.loads(answer[2:]).get("pid")
        self.recovered = pid is not None and pid == self.pid
        self.pid = pid
        return self

    async def join(self, room: Room, **options: int) -> int:
        answer = await self.wire.emit("join-room", str(room.pk), *([options] if options else []))
        assert answer["ok"], answer
        return answer["version"]

    async def cut_off(self) -> None:
        await self.wire.disconnect()

    async def message(self) -> dict:
        """The next message."""
        while True:
            name, *arguments = await self.wire.event()
            if isinstance(arguments[-1], str):
                self.offset = arguments.pop()
            if name in ("new-message", "message-updated"):
                return arguments[0]

    async def texts(self, number: int) -> list[str]:
        return [(await self.message())["text"] for _ in range(number)]


async def no_session_is_left() -> None:
    async with asyncio.timeout(60):
        while await SocketSession.objects.aexists():  # noqa: ASYNC110  (there is no event for it)
            await asyncio.sleep(0.01)
