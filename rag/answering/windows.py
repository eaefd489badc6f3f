"""Which pieces of a passage can be quoted: whole sentences that make sense without what stands around them. Pure."""

import re

from rag.text.sentences import split_sentences

ENOUGH_CHARACTERS = 160  # a quotation is continued until it is that long, so that a reader has the context
MOST_CHARACTERS = 400
Span = tuple[int, int]

_CELLS = " | "  # between the cells of a table's row, as parsers write it
_ITEM = re.compile(r"(?:[-*+•]|\(?\d{1,3}[.)])\s")
_FINISHED = re.compile(r"[.!?…。！？][\"'”’»)\]]*\Z")
# A sentence that begins so speaks of the one before it.
_LEANING = frozenset(
    """
    it its this that these those they them their he she such otherwise then also however but and or so both neither
    therefore thus instead es er sie dies diese dieser dieses das dann sonst aber und oder auch dazu dabei
    """.split()
)


def windows(text: str, heading: str) -> list[tuple[Span, Span]]:
    """Each sentence of a chunk, in order, and what is to be quoted with it, itself included; as (start, end).

    A sentence is continued within its paragraph until there is enough to read. A title, or a line that announces what
    follows, is continued beyond it. An item of a list and a row of a table stand alone. Sentences of `heading`
    (titles joined by " › ") are no quotations of their own, since it is shown above them.
    """
    titles = heading.split(" › ")
    pieces = [span for span in _pieces(text) if text[slice(*span)] not in titles] or _pieces(text)
    spans = [(pieces[_first(text, pieces, i)][0], _end(text, pieces, i)) for i in range(len(pieces))]
    return list(zip(pieces, spans, strict=True))


def is_finished(text: str) -> bool:
    """Whether it ends as a sentence does. Titles, lists of links and programs do not."""
    return _FINISHED.search(text) is not None


def is_table_row(text: str, span: Span) -> bool:
    """Whether that is one row of a table: the line before or after it has cells, too."""
    start, end = span
    lines_around = (text[:start].rstrip().rpartition("\n")[2], text[end:].lstrip().partition("\n")[0])
    row = text[start:end]
    return _CELLS in row and "\n" not in row and any(_CELLS in line for line in lines_around)


def as_readable_row(row: str) -> str:
    """The row with dashes between its cells."""
    return row.replace(_CELLS, " — ")


def _pieces(text: str) -> list[Span]:
    """Sentences and rows; the lines of a sentence that is too long to quote, such as a program or a drawing."""
    pieces: list[Span] = []
    for start, end in split_sentences(text):
        if pieces and _CELLS in text[slice(*pieces[-1])] and "\n" not in text[pieces[-1][1] : start]:
            pieces[-1] = (pieces[-1][0], end)  # the second sentence of a row
        elif end - start <= MOST_CHARACTERS:
            pieces.append((start, end))
        else:
            lines = re.finditer(r"\S.*", text[start:end])
            pieces += [(start + line.start(), start + line.end()) for line in lines]
    return pieces


def _first(text: str, pieces: list[Span], i: int) -> int:
    """The piece to begin with: the one before, if this one cannot be understood without it."""
    word = re.match(r"\W*(\w*)", text[slice(*pieces[i])])
    leans = word is not None and word[1].lower() in _LEANING
    if i > 0 and leans and not _breaks(text, pieces[i - 1], pieces[i]):
        return i - 1
    return i


def _end(text: str, pieces: list[Span], i: int) -> int:
    start, end = pieces[_first(text, pieces, i)][0], pieces[i][1]
    for previous, following in zip(pieces[i:], pieces[i + 1 :], strict=False):
        is_enough = end - start >= ENOUGH_CHARACTERS or following[1] - start > MOST_CHARACTERS
        is_whole = is_table_row(text, previous) or is_finished(text[slice(*previous)])
        if is_enough or (is_whole and _breaks(text, previous, following)):
            break
        end = following[1]
    return end


def _breaks(text: str, span: Span, following: Span) -> bool:
    """Whether the second piece is of another paragraph, or an item or a row of its own."""
    is_item = _ITEM.match(text, following[0]) is not None and "\n" in text[span[1] : following[0]]
    return "\n\n" in text[span[1] : following[0]] or is_item or is_table_row(text, following)
