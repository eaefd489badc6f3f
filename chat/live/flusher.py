"""When live events are written: at the end of the event loop's turn, in slices, and less often when there is much."""

import asyncio
import logging

from chat.live.fan_out import FanOut

log = logging.getLogger(__name__)

SLICE_S = 0.003
# uvloop writes after the slice: about 8 microseconds per client that `SLICE_S` does not see.
SLICE_SEATS = 256
STEP_SEATS = 64
REST_MAX_S = 0.010


class Flusher:
    """Writes the rooms of one event loop.

    After a flush in which a room had several events it rests as long as that took, so at most half of the time goes
    into writing: what comes meanwhile is written together. Events that come one at a time wait for nothing.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due: dict[FanOut, None] = {}
        self._is_scheduled = False
        self._is_busy = False  # a room got an event while it had another
        self._rest_until = 0.0
        self._begun = 0.0

    def schedule(self, fan_out: FanOut) -> None:
        """Write what the room has for its clients, soon."""
        self._is_busy = self._is_busy or fan_out in self._due
        self._due[fan_out] = None
        if self._is_scheduled:
            return
        self._is_scheduled = True
        rest_s = self._rest_until - self._loop.time()
        if rest_s > 0:
            self._loop.call_later(rest_s, self._begin)
        else:
            self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._begun = self._loop.time()
        self._write_slice()

    def _write_slice(self) -> None:
        stop_at, left = self._loop.time() + SLICE_S, SLICE_SEATS
        while self._due and left > 0:
            fan_out = next(iter(self._due))
            del self._due[fan_out]
            try:
                count, is_level = fan_out.write_next(min(STEP_SEATS, left))
            except Exception:  # an event that cannot be encoded must not silence the other rooms
                log.exception("a room's events could not be written; its clients connect again")
                fan_out.give_up()
                continue
            left -= count
            if not is_level:
                self._due[fan_out] = None  # behind the other rooms
            if self._loop.time() >= stop_at:
                break
        # The next turn: sockets are read and written before it.
        self._loop.call_soon(self._write_slice if self._due else self._end)

    def _end(self) -> None:
        if self._is_busy:
            now = self._loop.time()
            self._rest_until = now + min(now - self._begun, REST_MAX_S)
        self._is_scheduled = self._is_busy = False
        if self._due:
            self.schedule(next(iter(self._due)))
