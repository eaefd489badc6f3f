"""The process of parse_isolated: `python -m rag.parsing PATH MEDIA_TYPE MEMORY_MB CPU_SECONDS`."""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

from rag.parsing.errors import ParsingError, too_large
from rag.parsing.isolated import encode_answer
from rag.parsing.parser import parse

MAX_OUTPUT_BYTES = 200_000_000


def main() -> None:
    path, media_type, memory_mb, cpu_s = sys.argv[1:]
    _limit(memory_bytes=int(memory_mb) * 2**20, cpu_s=int(cpu_s))
    # A library that prints must not spoil the answer.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answer:
        os.dup2(2, 1)
        try:
            result = encode_answer(parse(Path(path), media_type=media_type))
        except ParsingError as error:
            result = encode_answer(error)
        except MemoryError:
            result = encode_answer(too_large())
        json.dump(result, answer)


def _limit(*, memory_bytes: int, cpu_s: int) -> None:
    for kind, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, MAX_OUTPUT_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (lowered, lowered))


if __name__ == "__main__":
    main()
