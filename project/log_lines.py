"""How a record of the log is written: as a line that holds nothing which opens a door."""

import logging
import re

# Whoever holds an invitation's link makes an account, and Django logs the path of what it refuses.
_INVITATION = re.compile(r"(/join/)[^/\s?\"']+")


class LineFormatter(logging.Formatter):
    """Time, level, logger and message; tokens of invitations are left out, also of tracebacks."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")

    def format(self, record: logging.LogRecord) -> str:
        return _INVITATION.sub(r"\1…", super().format(record))
