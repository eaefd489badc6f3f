"""The process of parse_isolated: `python -m rag.parsing PATH MEDIA_TYPE MEMORY_MB CPU_SECONDS`."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
from pathlib import Path

from rag.parsing.errors import ParsingError, too_large
from rag.parsing.isolated import MAX_OUTPUT_BYTES, UNPRIVILEGED_ID, encode_answer
from rag.parsing.parser import load, parse

MAX_OPEN_FILES = 64
_PR_SET_NO_NEW_PRIVS = 38


def main() -> None:
    path, media_type, memory_mb, cpu_s = sys.argv[1:]
    if os.geteuid() == 0:
        load(media_type)
        _become(UNPRIVILEGED_ID)
    _limit(memory_bytes=int(memory_mb) * 2**20, cpu_s=int(cpu_s))
    # A library that prints must not spoil the answer.
    with os.fdopen(os.dup(1), "w", encoding="utf-8", errors="surrogatepass") as answer:
        os.dup2(2, 1)
        try:
            result = encode_answer(parse(Path(path), media_type=media_type))
        except ParsingError as error:
            result = encode_answer(error)
        except MemoryError:
            result = encode_answer(too_large())
        json.dump(result, answer, ensure_ascii=False)  # escapes would double the size of CJK text


def _become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _limit(*, memory_bytes: int, cpu_s: int) -> None:
    for kind, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, MAX_OUTPUT_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
    ):
        hard = resource.getrlimit(kind)[1]
        lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (lowered, lowered))
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


if __name__ == "__main__":
    main()
