"""Pings for a WebSocket whose application has no heartbeat."""

import asyncio
from typing import Protocol


class Pinged(Protocol):
    """An open WebSocket."""

    def ping(self) -> None:
        """Ask whether the client is there."""

    def give_up(self) -> None:
        """Close it: the client does not answer."""


class Keepalive:
    """Pings every `every_s`, and gives up when no pong comes within `timeout_s`, or never if that is None."""

    __slots__ = ("_every_s", "_loop", "_timeout_s", "_timer", "_websocket")

    def __init__(self, websocket: Pinged, every_s: float, timeout_s: float | None) -> None:
        self._websocket = websocket
        self._every_s, self._timeout_s = every_s, timeout_s
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(every_s, self._ping)

    def _ping(self) -> None:
        self._websocket.ping()
        if self._timeout_s is None:
            self._timer = self._loop.call_later(self._every_s, self._ping)
        else:
            self._timer = self._loop.call_later(self._timeout_s, self._websocket.give_up)

    def answered(self) -> None:
        """The client is there."""
        self._timer.cancel()
        self._timer = self._loop.call_later(self._every_s, self._ping)

    def stop(self) -> None:
        """Ping no more."""
        self._timer.cancel()
