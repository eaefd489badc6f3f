"""What an attached file is, and is called. Pure.

A browser shows only images whose bytes are those of an image; every other file is downloaded, whatever it is called.
"""

import mimetypes
import os

from chat.text import clean_line

HEAD_BYTES = 16
FILENAME_MAX_CHARACTERS = 200
UNKNOWN = "application/octet-stream"
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_TYPES_BY_NAME = mimetypes.MimeTypes()  # Python's own table: what a file is does not depend on the machine
# Raster images, which carry no script. SVG does.
SHOWN_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


def media_type_of(head: bytes, filename: str) -> str:
    """The media type by the file's first `HEAD_BYTES` bytes for images, by its name for everything else.

    A name alone never makes an image: what only claims to be one is `UNKNOWN`.
    """
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    claimed = _TYPES_BY_NAME.guess_type(filename, strict=True)[0] or UNKNOWN
    return UNKNOWN if claimed in SHOWN_TYPES or len(claimed) > 100 else claimed


def clean_filename(filename: str) -> str:
    """The last part of a path as one line, with its ending, at most `FILENAME_MAX_CHARACTERS` long; "file" for none."""
    name = clean_line(filename.replace("\\", "/").rsplit("/", 1)[-1]).lstrip(".")
    stem, ending = os.path.splitext(name)
    return stem[: FILENAME_MAX_CHARACTERS - len(ending[:20])] + ending[:20] or "file"
