"""A progress line on a terminal, and plain lines where there is none."""

import sys
import time
from typing import TextIO

WIDTH = 30
LINE_EVERY_S = 10.0  # without a terminal


class ProgressBar:
    """Shows `done` of `total`; call `show` as often as you like and `close` at the end."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._shown_at = 0.0
        self._begun_at = time.monotonic()

    def show(self, done: int, total: int, note: str = "") -> None:
        """Draw the state; numbers are of whatever the note speaks."""
        now = time.monotonic()
        if not self._terminal and now - self._shown_at < LINE_EVERY_S:
            return
        self._shown_at = now
        share = done / total if total else 0.0
        if self._terminal:
            bar = "█" * int(share * WIDTH)
            self._stream.write(f"\r\x1b[K{bar:░<{WIDTH}} {share:4.0%}  {note}{self._remaining(share)}")
        else:
            self._stream.write(f"{share:4.0%}  {note}\n")
        self._stream.flush()

    def _remaining(self, share: float) -> str:
        spent = time.monotonic() - self._begun_at
        if not 0 < share < 1 or spent < 2:
            return ""
        return f", {spent * (1 - share) / share:.0f} s left"

    def close(self) -> None:
        """Leave the line clear for what is said next."""
        if self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
