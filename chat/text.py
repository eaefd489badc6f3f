"""Text as it is stored: what PostgreSQL takes, without characters that nobody can see. Pure.

A *line* is a name or a title: one line, single spaces. A *text* keeps its lines, as a message does.
"""

import re

from chat.errors import BadInput, bad_input

NAME_MAX_CHARACTERS = 80
# PostgreSQL stores no NUL; halves of a surrogate pair (from broken JSON) are not text; other control characters
# (C0, DEL, C1) do nothing good in a page, a log or a terminal.
_UNSTORABLE = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff"
_IN_TEXTS = re.compile(f"[{_UNSTORABLE}]+")
_IN_LINES = re.compile(rf"[{_UNSTORABLE}\s]+")


def clean_text(text: str) -> str:
    """The text with its lines, without control characters and without space around it."""
    return _IN_TEXTS.sub("", text).strip()


def clean_line(text: str) -> str:
    """One line: each run of spaces, line breaks and control characters is one space."""
    return _IN_LINES.sub(" ", text).strip()


def check_line(value: object, *, field: str, max_characters: int) -> str:
    """A line as it will be stored; may be empty.

    Raises:
        BadInput: naming `field`, where it is not a string or too long.
    """
    if not isinstance(value, str):
        raise bad_input(field, "must be a string")
    line = clean_line(value)
    if len(line) > max_characters:
        limit = f"must have at most {max_characters} characters"
        raise bad_input(field, limit)
    return line


def check_name(name: object, *, max_characters: int = NAME_MAX_CHARACTERS) -> str:
    """A name as it will be stored.

    Raises:
        BadInput: not a string, nothing but space, or too long.
    """
    line = clean_line(name) if isinstance(name, str) else ""
    if not 0 < len(line) <= max_characters:
        limit = f"must have 1 to {max_characters} characters"
        raise BadInput("That name cannot be used.", fields={"name": limit})
    return line


def file_size(size_bytes: int) -> str:
    """A size as people say it: 640 B, 12 KB, 3.4 MB, 10 GB."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    if size_bytes < 1_000_000:
        return f"{size_bytes / 1000:.0f} KB"
    if size_bytes < 1_000_000_000:
        return f"{size_bytes / 1_000_000:.1f} MB"
    return f"{size_bytes / 1_000_000_000:.1f} GB"
