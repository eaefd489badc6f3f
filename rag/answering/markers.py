"""Citation markers, such as `[2]`, in the Markdown of an answer: where they are and how to take them out. Pure."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter

from markdown_it import MarkdownIt

# A number in brackets, several, or a range; a link address behind it goes with it, since a citation links
# nowhere else.
_NUMBERS = r"\d{1,3}+(?:\s*+[,;–-]\s*+\d{1,3}+)*+"
_MARKER = re.compile(rf"(?:\[\^?({_NUMBERS})\]|【({_NUMBERS})(?:†[^【】\n]*+)?】)(?:\([^()\n]*+\))?")
# It begins where its spaces begin: from inside them, it would be looked for as often as there are spaces.
_RUN = re.compile(rf"(?<![ \t])[ \t]*+(?:{_MARKER.pattern})(?:[ \t]*+(?:{_MARKER.pattern}))*+")
_FENCE = re.compile(r"^ {0,3}(`{3,}+|~{3,}+)[^\n]*+\n.*?(?:^ {0,3}\1|\Z)", re.DOTALL | re.MULTILINE)
_BACKTICKS = re.compile(r"`++")
_BLANK_LINE = re.compile(r"\n[ \t]*+(?=\n)")
_LINE_WITH_LABEL = re.compile(r"^([ \t>*+\-\d.)]*+)(?=\[[^\]])", re.MULTILINE)
_LABEL_END = re.compile(r"\]")
_ESCAPED = re.compile(r"\[(?=\d{1,3}\\\])")
_SHOWN = re.compile(r"\[(\d{1,3})\]")
_MOST_OF_A_RANGE = 20
WORD_JOINER = "\u2060"  # invisible; keeps a bracketed number from being taken for a marker

_markdown = MarkdownIt("js-default", {"html": False, "linkify": False}).disable(["image"])


@dataclass(frozen=True, slots=True)
class MarkerRun:
    """Markers next to each other, `text[start:end]` with the spaces before them.

    `claims` are the numbers they name, each with the words quoted if its marker has any.
    """

    start: int
    end: int
    spaces: str
    claims: tuple[tuple[int, str | None], ...]


def find_runs(text: str, quotes: Mapping[int, str], *, look_in_code: bool = False) -> list[MarkerRun]:
    """The runs of markers in `text`, in order. `quotes`: offset of a marker's bracket -> the words it quotes."""
    code = [] if look_in_code else code_spans(text)
    return [
        MarkerRun(
            match.start(),
            match.end(),
            match[0][: len(match[0]) - len(match[0].lstrip())],
            _claims(match, quotes),
        )
        for match in _RUN.finditer(text)
        if not _inside(match.end() - 1, code)
    ]


def _claims(run: re.Match[str], quotes: Mapping[int, str]) -> tuple[tuple[int, str | None], ...]:
    claims: list[tuple[int, str | None]] = []
    for marker in _MARKER.finditer(run.string, run.start(), run.end()):
        quote = quotes.get(marker.start())
        claims.extend((number, quote) for number in _expand(marker[1] or marker[2]))
    return tuple(claims)


def _expand(numbers: str) -> list[int]:
    """`1, 3-5` as [1, 3, 4, 5]."""
    expanded: list[int] = []
    for part in re.split("[,;]", numbers):
        first, last = (int(bound) for bound in (re.split("[–-]", part) * 2)[:2])
        expanded.extend(
            range(first, min(last, first + _MOST_OF_A_RANGE) + 1) if last >= first else (first, last)
        )
    return expanded


def code_spans(text: str) -> list[tuple[int, int]]:
    """Where code stands in the Markdown, in order and apart, as well as that can be told without parsing it."""
    fences = [match.span() for match in _FENCE.finditer(text)]
    inline = [span for span in _inline_code(text) if not _inside(span[0], fences)]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(fences + inline):
        if merged and start < merged[-1][1]:
            start, end = merged[-1][0], max(end, merged.pop()[1])
        merged.append((start, end))
    return merged


def _inline_code(text: str) -> Iterator[tuple[int, int]]:
    """From backticks to the next that are as many, within a paragraph."""
    ends = [match.start() for match in _BLANK_LINE.finditer(text)] + [len(text)]
    for start, end in zip([0, *ends], ends, strict=False):
        runs = [match.span() for match in _BACKTICKS.finditer(text, start, end)]
        following: dict[int, int] = {}
        partner: list[int | None] = [None] * len(runs)
        for n in range(len(runs) - 1, -1, -1):
            length = runs[n][1] - runs[n][0]
            partner[n] = following.get(length)
            following[length] = n
        n = 0
        while n < len(runs):
            first, last = runs[n][0], partner[n]
            if last is not None and text[first - 1 : first] != "\\":
                yield first, runs[last][1]
                n = last
            n += 1


def _inside(offset: int, spans: list[tuple[int, int]]) -> bool:
    """Whether one of the spans, which are in order and apart, covers the offset."""
    at = bisect_right(spans, offset, key=itemgetter(0)) - 1
    return at >= 0 and offset < spans[at][1]


def blank_markers(text: str) -> str:
    """`text` with each marker replaced by as many spaces: the words alone, at their offsets."""
    return _MARKER.sub(lambda match: " " * len(match[0]), text)


def strip_markers(text: str) -> str:
    """The text without its markers: for a conversation whose numbers mean something else by now."""
    return _RUN.sub("", text)


def without_lookalikes(text: str) -> str:
    """The text without what Markdown would make a marker, or a link of a marker, although it is none.

    Definitions of links are escaped (they make links of brackets anywhere), escaped brackets kept from being shown
    as a marker's.
    """
    text = _outside_code(_ESCAPED, text, lambda match: match[0] + WORD_JOINER)
    ends = [match.start() for match in _LABEL_END.finditer(text)]

    def escape_definition(match: re.Match[str]) -> str:
        following = bisect_left(ends, match.end())
        defines = following < len(ends) and text.startswith("]:", ends[following])
        return match[1] + "\\" if defines else match[0]

    return _outside_code(_LINE_WITH_LABEL, text, escape_definition)


def _outside_code(pattern: re.Pattern[str], text: str, replacement: Callable[[re.Match[str]], str]) -> str:
    code = code_spans(text)
    return pattern.sub(lambda match: match[0] if _inside(match.end(), code) else replacement(match), text)


def shown_markers(text: str) -> list[int]:
    """The numbers of the markers that a reader of the rendered Markdown sees, in order; code has none."""
    inline = [token for token in _markdown.parse(text) if token.type == "inline"]
    lines = ["".join(_plain(child.type, child.content) for child in token.children or ()) for token in inline]
    return [int(number) for line in lines for number in _SHOWN.findall(line)]


def _plain(token_type: str, content: str) -> str:
    return content if token_type == "text" else "`" if token_type == "code_inline" else ""
