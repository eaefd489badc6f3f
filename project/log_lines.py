"""How a record of the log is written: as a line that holds nothing which opens a door."""

import logging
import re

# Whoever holds an invitation's link makes an account, and Django logs the path of what it refuses. A path that is only
# nearly one has the token as well: two slashes, other letters, something before it, escapes that were escaped again.
# One before it is enough: a repeat would make a line of slashes take time that grows with its square.
_SLASH = r"(?:[/\\]|%(?:25)*(?:2f|5c))"
_INVITATION = re.compile(rf"({_SLASH}join{_SLASH}+)[^\s?\"']+", re.IGNORECASE)
_NEARLY = re.compile(r"join|invit", re.IGNORECASE)
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43,}")  # 256 bits, as chat/invitations.py makes them


def without_tokens(line: str) -> str:
    """The line without what follows /join/, and without what could be a token where it speaks of joining."""
    line = _INVITATION.sub(r"\1…", line)
    return _TOKEN.sub("…", line) if _NEARLY.search(line) else line


class LineFormatter(logging.Formatter):
    """Time, level, logger and message; tokens of invitations are left out, also of tracebacks."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")

    def format(self, record: logging.LogRecord) -> str:
        return without_tokens(super().format(record))
