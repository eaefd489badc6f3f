"""The process that reads one scanned page: `python -m rag.parsing.scan_page PATH PAGE LANGUAGES MEMORY_MB CPU_SECONDS`.

It draws the page and then turns into `tesseract`, which writes the text: no second process, the same limits.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
import tempfile
from typing import IO

import pypdfium2

from rag.parsing.limits import become_nobody, limit_process

DOTS_PER_INCH = 300
MAX_PIXELS = 30_000_000  # A3 at 300 dpi has 17 million; a larger sheet is drawn coarser


def main() -> None:
    path, page, languages, memory_mb, cpu_s = sys.argv[1:]
    program = shutil.which("tesseract")
    if program is None:
        sys.exit("tesseract is not installed")
    if os.geteuid() == 0:
        become_nobody()
    limit_process(memory_bytes=int(memory_mb) * 2**20, cpu_s=int(cpu_s))
    with tempfile.TemporaryFile() as picture:
        draw_page(path, int(page), picture)
        picture.seek(0)
        os.dup2(picture.fileno(), 0)
        os.execv(program, [program, "stdin", "stdout", "-l", languages])


def draw_page(path: str, number: int, picture: IO[bytes]) -> None:
    """Write a page, counted from 1, as a grey PGM picture."""
    with pypdfium2.PdfDocument(path) as document:
        page = document[number - 1]
        width, height = page.get_size()
        scale = min(DOTS_PER_INCH / 72, math.sqrt(MAX_PIXELS / max(width * height, 1)))
        bitmap = page.render(scale=scale, grayscale=True)
        picture.write(b"P5 %d %d 255\n" % (bitmap.width, bitmap.height))
        rows = memoryview(bitmap.buffer).cast("B")
        for start in range(0, bitmap.height * bitmap.stride, bitmap.stride):  # a row may end in unused bytes
            picture.write(rows[start : start + bitmap.width])
    picture.flush()


if __name__ == "__main__":
    main()
