"""Where sentences begin and end, without a model: for chunks, extracted answers and citation checks. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ABBREVIATIONS = frozenset(
    """mr mrs ms dr prof sr jr st hon rev gen col capt lt sgt gov sen rep pres
    e.g i.e cf vs viz approx ca resp incl excl esp al ed eds vol no nos nr art sec ch chap fig figs eq eqs tab
    p pp para ref refs app inc ltd co corp dept univ jan feb mar apr jun jul aug sep sept oct nov dec
    z.b d.h u.a o.ä bzw bspw usw evtl ggf abs str tel hr fr s abb kap vgl sog zzgl inkl u.s u.k ph.d m.sc b.sc
    p.ex env av mme mlle m etc""".split()
)
_ALWAYS_OPEN = _ABBREVIATIONS - {
    "etc",
    "usw",
    "al",
    "u.s",
    "u.k",
    "inc",
    "ltd",
    "co",
    "corp",
    "m",
    "p",
    "s",
    "no",
}
_MONTHS = frozenset(
    """januar februar märz april mai juni juli august september oktober november dezember""".split()
)

# A line that starts like this is an item of its own.
_ITEM = r"[ \t]*(?:[-*+•‣▪◦–·●○■□➢✓]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])[ \t]"
_CLOSING = "\"'”’»)\\]}*_"
_BOUNDARY = re.compile(
    rf"""
      (?P<blank>\n[ \t]*\n\s*)                               # a blank line always ends a sentence
    | (?P<item>\n(?={_ITEM}))                                # the next line is a list item
    | (?P<wide>[。！？｡]+[」』）】〕”’"']*)                   # CJK full stops need no space after them
    | (?P<stop>(?<![.!?…।؟۔])[.!?…।؟۔]++[{_CLOSING}]*+)(?=\s)  # the others do
    | (?P<line>\n)
    """,
    re.VERBOSE,
)
_NEXT_CHARACTER = re.compile(r"\s*+[\"'“‘«„(\[{*_]*(\S)")
_LAST_TOKEN = re.compile(r"[^\s(\[{\"'“‘«„]{1,40}\Z")
_INITIALS = re.compile(r"(?:\w\.)*[^\W\d_]\Z")
_WORD = re.compile(r"\s*+(\w++)")
_INDENT_MAX = 200
_NUMBERED = re.compile(r"\(?(?:\d{1,3}|[a-zA-Z])\Z")


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Return the (start, end) offsets of the sentences of `text`, in order.

    The spans do not overlap, neither begin nor end with white space, and together hold every other character.
    Abbreviations, initials, decimals and list numbers do not end a sentence; blank lines, list items and
    table rows (cells separated by " | ") do. Empty for text without words. Takes time linear in the length.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for end in _boundaries(text):
        _append_trimmed(spans, text, start, end)
        start = end
    _append_trimmed(spans, text, start, len(text))
    return spans


def _append_trimmed(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        start += len(piece) - len(piece.lstrip())
        spans.append((start, start + len(stripped)))


def _boundaries(text: str) -> Iterator[int]:
    sentence_start = 0
    for match in _BOUNDARY.finditer(text):
        kind = match.lastgroup
        if kind == "line":
            is_boundary = _separates_rows(text, match.start())
        elif kind == "stop":
            is_boundary = _ends_sentence(text, sentence_start, match)
        else:
            is_boundary = True
        if is_boundary:
            sentence_start = match.end()
            yield sentence_start


def _separates_rows(text: str, newline: int) -> bool:
    """Tell whether the line before or after `newline` is a row of a table."""
    after_start = newline + 1
    after_end = text.find("\n", after_start, after_start + 400)
    before = text[max(0, newline - 400) : newline].rpartition("\n")[2]
    after = text[after_start : after_end if after_end >= 0 else after_start + 400]
    return " | " in before or " | " in after


def _ends_sentence(text: str, sentence_start: int, match: re.Match[str]) -> bool:
    following = _NEXT_CHARACTER.match(text, match.end(), match.end() + 200)
    if following is not None and following[1].islower():
        return False
    if not match["stop"].startswith(".") or match["stop"].startswith(".."):
        return True
    token_match = _LAST_TOKEN.search(text, max(sentence_start, match.start() - 40), match.start())
    if token_match is None:
        return True
    token = token_match[0].lower()
    if _NUMBERED.match(token) and _is_blank(text, sentence_start, token_match.start()):
        return False  # "3. Install the package": the number belongs to what follows
    if token.isdigit():
        return not (len(token) <= 2 and _next_word(text, match.end()) in _MONTHS)  # "am 3. Oktober"
    if token in _ALWAYS_OPEN:
        return False
    if following is not None and following[1].isdigit() and token in _ABBREVIATIONS:
        return False  # "No. 5", "p. 12"
    return token == "i" or _INITIALS.match(token) is None  # "J. Smith", "U.S. Navy", but "than I. Then"


def _is_blank(text: str, start: int, end: int) -> bool:
    """Whether nothing but some space stands between; looked at for each stop of a sentence, so never far."""
    return end - start <= _INDENT_MAX and not text[start:end].strip(" \t\n(")


def _next_word(text: str, position: int) -> str:
    match = _WORD.match(text, position, position + 40)
    return match[1].lower() if match else ""
