"""Tables as text (.csv, .tsv): rows below the names of their columns."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

from rag.parsing.blocks import MAX_CHARACTERS, BlockBuilder
from rag.parsing.document import ParsedDocument
from rag.parsing.errors import corrupt
from rag.parsing.plain_text import decode_text
from rag.parsing.tables import add_sheet

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 50


def parse_delimited(path: Path) -> ParsedDocument:
    """Return the rows of a file whose cells are separated by commas, semicolons, tabs or bars.

    Raises:
        ParsingError: CORRUPT for a quoted cell that never ends, TOO_LARGE.
    """
    text = decode_text(path.read_bytes()).replace("\x00", "")
    csv.field_size_limit(MAX_CHARACTERS)
    builder = BlockBuilder()
    try:
        add_sheet(builder, csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter_of(text)))
    except csv.Error as error:
        raise corrupt() from error
    return ParsedDocument("", builder.build())


def _delimiter_of(text: str) -> str:
    """Return the sign that cuts most of the first lines into the same number of cells, two or more.

    csv.Sniffer also takes letters for it, and quadratic time.
    """
    lines = text[:100_000].splitlines()[:_SAMPLE_LINES]

    def agreement(delimiter: str) -> tuple[int, int]:
        rows = csv.reader(lines, delimiter=delimiter)
        sizes = Counter(len(row) for row in rows if len(row) > 1)
        size, count = max(sizes.items(), key=lambda item: item[::-1], default=(0, 0))
        return count, size

    return max(_DELIMITERS, key=agreement)
