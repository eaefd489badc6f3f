"""A graphql-transport-ws client of a server that offers raw frames, without a network."""

import asyncio
import struct
from collections.abc import Callable, Iterator
from typing import Any

from chat.models import User
from chat.sockets.raw_frames import RAW_FRAMES
from gql.tests.client import Socket


class RawSocket(Socket):
    """What the application writes raw comes in one row with what it sends by ASGI.

    Attributes:
        is_paused: the client does not read, so that nothing may be written raw.
        raw_messages: how many came past ASGI.
    """

    def __init__(self, application: Any, user: User | None = None) -> None:
        super().__init__(application, user, extensions={RAW_FRAMES: self})
        self.is_paused = False
        self.raw_messages = 0

    def write(self, frames: bytes) -> None:
        assert not self.is_paused
        for text in _texts(frames):
            self.raw_messages += 1
            self.communicator.output_queue.put_nowait({"type": "websocket.send", "text": text})

    def ask_whether_known(self, is_known: Callable[[], bool]) -> None:
        """Nobody sends too much here."""

    def abort(self) -> None:
        """There is no connection to drop."""

    def nothing_waits(self) -> bool:
        """Whether everything that was sent has been received."""
        queue: asyncio.Queue[Any] = self.communicator.output_queue
        return queue.empty()


def _texts(frames: bytes) -> Iterator[str]:
    """The text messages of whole frames of a server (RFC 6455, section 5.2)."""
    place = 0
    while place < len(frames):
        assert frames[place] == 0x81
        length, place = frames[place + 1], place + 2
        if length == 126:
            length, place = struct.unpack_from("!H", frames, place)[0], place + 2
        elif length == 127:
            length, place = struct.unpack_from("!Q", frames, place)[0], place + 8
        yield frames[place : place + length].decode()
        place += length
