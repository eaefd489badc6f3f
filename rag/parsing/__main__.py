"""The process of parse_isolated: `python -m rag.parsing PATH MEDIA_TYPE MEMORY_MB CPU_SECONDS`."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from rag.parsing.errors import ParsingError, too_large
from rag.parsing.isolated import encode_answer
from rag.parsing.limits import become_nobody, limit_process
from rag.parsing.parser import load, parse


def main() -> None:
    path, media_type, memory_mb, cpu_s = sys.argv[1:]
    if os.geteuid() == 0:
        load(media_type)
        become_nobody()
    limit_process(memory_bytes=int(memory_mb) * 2**20, cpu_s=int(cpu_s))
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


if __name__ == "__main__":
    main()
