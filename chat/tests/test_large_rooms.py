"""A room of thousands on a real event loop: nobody waits for all of it to be written.

Turns are measured in processor time of the loop's thread, which what else the machine does leaves alone; so does the
garbage collector, which would have all objects of the suite to go through.
"""

import asyncio
import gc
import time

import pytest

from chat.live.fan_out import FanOut
from chat.live.flusher import Flusher
from chat.sockets.protocol.websocket import encode_frame
from chat.tests.test_fan_out import Client, stored

SEATS = 3000
WRITE_S = 0.00002  # of processor time for a client: what its socket costs, and more
TURN_MAX_S = 0.020


class Tally:
    """How much is still to be written to all."""

    def __init__(self, left_bytes: int) -> None:
        self._left_bytes = left_bytes
        self.all_written = asyncio.Event()

    def note(self, written_bytes: int) -> None:
        self._left_bytes -= written_bytes
        if self._left_bytes == 0:
            self.all_written.set()


class SlowClient(Client):
    """Its socket keeps the processor busy as a real one does."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(direct=True)
        self._tally = tally

    def write(self, frames: bytes) -> None:
        super().write(frames)
        until = time.thread_time() + WRITE_S
        while time.thread_time() < until:
            pass
        self._tally.note(len(frames))


class Turns:
    """The turns of the running event loop, in seconds of processor time, while this is entered."""

    def __init__(self) -> None:
        self.took_s: list[float] = []

    def __enter__(self) -> "Turns":
        self._loop = asyncio.get_running_loop()
        gc.disable()
        self._last = time.thread_time()
        self._next = self._loop.call_soon(self._turn)
        return self

    def __exit__(self, *exc: object) -> None:
        self._next.cancel()
        self.took_s.append(time.thread_time() - self._last)
        gc.enable()

    def _turn(self) -> None:
        now = time.thread_time()
        self.took_s.append(now - self._last)
        self._last = now
        self._next = self._loop.call_soon(self._turn)


@pytest.mark.parametrize("events", [1, 3])
async def test_writing_to_a_very_large_room_holds_up_nothing_else(events):
    versions = range(1, events + 1)
    everything = b"".join(encode_frame(f'42["new-message",{{"version":{n}}}]') for n in versions)
    room, flusher = FanOut(1), Flusher(asyncio.get_running_loop())
    tally = Tally(SEATS * len(everything))
    clients = [SlowClient(tally).join(room, 0) for _ in range(SEATS)]
    began_s = time.thread_time()

    with Turns() as turns:
        for version in versions:
            room.add(stored(version))
            flusher.schedule(room)
            await asyncio.sleep(0)
        await asyncio.wait_for(tally.all_written.wait(), 60)

    assert all(b"".join(client.writes) == everything for client in clients)
    assert time.thread_time() - began_s > SEATS * WRITE_S > 2 * TURN_MAX_S  # in one go it would be too long
    assert max(turns.took_s) < TURN_MAX_S
