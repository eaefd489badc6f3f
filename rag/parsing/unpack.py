"""The process that unpacks a ZIP archive: `python -m rag.parsing.unpack PATH FOLDER MEMORY_MB CPU_SECONDS`.

Members become files named 0, 1, 2 ... in the folder; what they are called is in the answer only, so that no name leads
anywhere. What a member declares of its size is its most: Python's zipfile does not unpack further.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

from rag.parsing.document import one_line
from rag.parsing.errors import ParsingError, WrongType, corrupt, encrypted, too_large
from rag.parsing.limits import become_nobody, limit_process
from rag.parsing.media_types import HEAD_BYTES, PLAIN_TEXT, ZIP, detect_media_type
from rag.parsing.parser import load

MAX_MEMBERS = 2000
MAX_TOTAL_BYTES = 500_000_000
MAX_MEMBER_BYTES = 39_000_000  # below what the process may write into one file
MAX_RATIO = 200  # unpacked to packed, of a member of some size; text seldom has more than 20
RATIO_FROM_BYTES = 5_000_000
MAX_PATH_CHARACTERS = 250
_BLOCK_BYTES = 1024 * 1024
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError, RuntimeError)


def main() -> None:
    path, folder, memory_mb, cpu_s = sys.argv[1:]
    if os.geteuid() == 0:
        load(PLAIN_TEXT)
        become_nobody()
    limit_process(memory_bytes=int(memory_mb) * 2**20, cpu_s=int(cpu_s))
    try:
        answer = unpack(Path(path), Path(folder))
    except ParsingError as error:
        answer = _problem(error)
    except MemoryError:
        answer = _problem(too_large())
    json.dump(answer, sys.stdout)


def _problem(error: ParsingError) -> dict[str, Any]:
    return {"error": {"code": error.code, "message": error.message}}


def unpack(path: Path, folder: Path) -> dict[str, Any]:
    """Unpack what can be read; return `{"members": [[path, bytes]...], "left_out": [[path, reason]...]}`.

    Raises:
        ParsingError: ENCRYPTED, CORRUPT, or TOO_LARGE for more than is unpacked with care.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if _is_shown_file(entry)]
            _check(entries)
            members: list[tuple[str, int]] = []
            left_out: list[tuple[str, str]] = []
            for entry in entries:
                name = _plain_path(entry.filename)
                reason = _unpack_one(archive, entry, folder / str(len(members)))
                if reason:
                    left_out.append((name, reason))
                else:
                    members.append((name, entry.file_size))
    except _DAMAGE as error:
        raise corrupt() from error
    return {"members": members, "left_out": left_out}


def _is_shown_file(entry: zipfile.ZipInfo) -> bool:
    """Whether a person sees it as a file: no folder, no link, no hidden file, no remark of a Mac."""
    is_link = stat.S_ISLNK(entry.external_attr >> 16)
    parts = _plain_path(entry.filename).split("/")
    is_hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not entry.is_dir() and not is_link and not is_hidden


def _plain_path(name: str) -> str:
    """Return a member's path without what would lead out of the archive."""
    parts = (one_line(part) for part in name.replace("\\", "/").split("/"))
    return "/".join(part for part in parts if part not in ("", ".", ".."))[-MAX_PATH_CHARACTERS:]


def _check(entries: list[zipfile.ZipInfo]) -> None:
    if any(entry.flag_bits & 1 for entry in entries):
        raise encrypted()
    if len(entries) > MAX_MEMBERS or sum(entry.file_size for entry in entries) > MAX_TOTAL_BYTES:
        raise too_large()
    if any(
        entry.file_size > RATIO_FROM_BYTES and entry.file_size > entry.compress_size * MAX_RATIO
        for entry in entries
    ):
        raise too_large()


def _unpack_one(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> str:
    """Write one member; return "", or why it is left out."""
    if not entry.file_size:
        return "is empty"
    if entry.file_size > MAX_MEMBER_BYTES:
        return f"is larger than {MAX_MEMBER_BYTES // 1_000_000} MB"
    with archive.open(entry) as member:
        head = member.read(HEAD_BYTES)
        try:
            kind = detect_media_type(head, _plain_path(entry.filename))
        except WrongType:
            return "is of a type that cannot be read"
        if kind == ZIP:
            return "is an archive within the archive"
        with target.open("wb") as file:
            block = head
            while block:
                file.write(block)
                block = member.read(_BLOCK_BYTES)
    return ""


if __name__ == "__main__":
    main()
