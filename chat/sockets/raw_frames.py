"""What a server may offer beyond ASGI: WebSocket frames that are written as they are, without an await per client.

A server that does puts an object like `RawFrames` into `scope["extensions"][RAW_FRAMES]`; `project.raw_websocket` is
one. Where it is missing everything goes through ASGI `send`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

RAW_FRAMES = "parley.raw_frames"


class RawFrames(Protocol):
    """The outgoing side of one WebSocket that was accepted. To be used on its event loop only.

    Whole frames of both ways, this and ASGI `send`, go to the client in the order in which they were written.
    """

    @property
    def is_paused(self) -> bool:
        """Whether the client reads too slowly: what is written now adds to the server's memory."""

    def write(self, frames: bytes) -> None:
        """Write one or more whole frames at once. Nothing happens when the connection is closing or closed."""

    def watch(self, on_pause: Callable[[], None], on_resume: Callable[[], None]) -> None:
        """Be told when `is_paused` changes. `on_pause` may be called within `write`."""

    def read_to(self, on_message: Callable[[str | bytes], None]) -> None:
        """Call this with each message as it is read, instead of giving it to ASGI `receive`, which gets only the end.

        What waits for `receive` by then comes from there, before the others.
        """

    def pause_reading(self) -> None:
        """Read no more: what the client sends from now on waits, most of it on the client's side."""

    def resume_reading(self) -> None:
        """Read again, what waited first."""

    def ask_whether_known(self, is_known: Callable[[], bool]) -> None:
        """Drop a client that sends more than `STRANGER_MAX_BYTES` in one message while `is_known` denies that it has
        signed in. Until this is called it has not."""

    def abort(self) -> None:
        """Drop the connection now, with what was not sent."""


def raw_frames_of(scope: Mapping[str, Any]) -> RawFrames | None:
    """The extension of a connection, if its server has it."""
    frames: RawFrames | None = (scope.get("extensions") or {}).get(RAW_FRAMES)
    return frames
