"""Where in a folder a file came from, as a browser tells it. Pure."""

from chat.errors import bad_input
from chat.text import clean_line

MAX_CHARACTERS = 500


def folder_path(path: str) -> str:
    """The path of a file in the folder that was chosen, such as `guides/2026/leave.pdf`; "" for none.

    Raises:
        BadInput: it does not lead down from the folder, or is too long.
    """
    line = clean_line(path)
    parts = line.split("/")
    if line and (line != path or "\\" in line or any(part in ("", ".", "..") for part in parts)):
        raise bad_input("source", "must be a path in a folder, such as guides/leave.pdf")
    if len(line) > MAX_CHARACTERS:
        raise bad_input("source", f"must have at most {MAX_CHARACTERS} characters")
    return line
