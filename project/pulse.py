"""How a supervisor notices that a process is alive but hangs: it sends a byte a second, from its event loop."""

import contextlib
import os

BEAT_EVERY_S = 1.0
SILENCE_LIMIT_S = 30.0
_UNWATCHED_COUNTS_S = 2.0


class Pulse:
    """The listening end of a child's beats; `begin` for each new process that takes the child's place."""

    def __init__(self, limit_s: float = SILENCE_LIMIT_S) -> None:
        self.limit_s = limit_s
        self._reader: int | None = None
        self._has_spoken = False
        self._silent_s = 0.0
        self._looked_at = 0.0

    def begin(self) -> int:
        """Listen to a new process; gives the descriptor to pass to it, which the caller closes."""
        if self._reader is not None:
            os.close(self._reader)
        self._forget()
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(writer, False)
        return writer

    def is_lost(self, now: float) -> bool:
        """Whether nothing came for the limit after something had; said once. Call it about every second.

        A long time between two calls counts as little: then it was this process that did not run, or the
        whole machine.
        """
        if self._heard():
            self._has_spoken, self._silent_s = True, 0.0
        elif self._has_spoken:
            self._silent_s += min(now - self._looked_at, _UNWATCHED_COUNTS_S)
        self._looked_at = now
        if self._silent_s < self.limit_s:
            return False
        self._forget()
        return True

    def _heard(self) -> bool:
        if self._reader is None:
            return False
        with contextlib.suppress(BlockingIOError):
            return bool(os.read(self._reader, 65536))
        return False

    def _forget(self) -> None:
        self._has_spoken, self._silent_s = False, 0.0
