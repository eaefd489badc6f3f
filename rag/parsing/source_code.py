"""Programs and configuration: lines as they stand, below the names of the classes and functions they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.parsing.blocks import BlockBuilder
from rag.parsing.document import ParsedDocument
from rag.parsing.plain_text import decode_text

SMALL_WORDS = 40  # a function smaller than this shares its passage with the next
MOST_WORDS = 150  # that such neighbours come to: as many as a passage has

# A line that opens a class, a function or the like, in the languages most programs are written in. It ends as such a
# line does, which a sentence that happens to begin with "class" or "type" does not.
_DEFINITION = re.compile(
    r"(?P<indent>[ \t]*)(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|override"
    r"|pub(?:\(\w{1,20}\))?|unsafe|virtual|sealed|partial|data|open|suspend|inline|create|replace|or)[ \t]{1,9})*"
    r"(?P<kind>class|interface|trait|struct|enum|impl|module|namespace|object|record|protocol|extension|def|func"
    r"|function|fn|fun|sub|table|view|procedure)[ \t]{1,9}(?:\([^)\n]{0,99}\)[ \t]{0,9})?"
    r"(?P<name>[A-Za-z_$][\w$.:]{0,99})(?P<rest>.{0,400})\Z",
    re.I,
)
_OPENS = re.compile(r"[({\[<:=,]")
_LEADS_TO_NEXT = re.compile(r"\s*(?:@|#|//|/\*|\*|--)")  # decorators and comments above a definition
_TAB = 4


@dataclass(slots=True)
class _Part:
    """Lines with the names of what they stand in, outermost first."""

    path: tuple[str, ...]
    lines: list[str]

    def words(self) -> int:
        return sum(max(len(line.split()), len(line) // 20) for line in self.lines)


def parse_source_code(path: Path) -> ParsedDocument:
    """Return the lines of a program, indentation and all, a block per class or function of some size."""
    builder = BlockBuilder()
    lines = decode_text(path.read_bytes()).split("\n")
    for part in _merged(_parts(lines)):
        builder.open_section(0, "")
        for level, name in enumerate(part.path):
            builder.open_section(level, name)
        builder.add_verbatim("\n".join(part.lines))
    return ParsedDocument("", builder.build())


def _parts(lines: list[str]) -> Iterator[_Part]:
    """Yield the parts between two definitions; what is indented less than a definition has left it."""
    open_parts: list[tuple[int, str]] = []  # (indent, name), outermost first
    part = _Part((), [])
    for line in lines:
        found = _definition(line)
        indent = _indent(line)
        if found or _leaves(line, indent, open_parts):
            above = _leading_lines(part.lines) if found else []
            yield part
            while open_parts and open_parts[-1][0] >= indent:
                open_parts.pop()
            if found:
                open_parts.append((indent, found))
            part = _Part(tuple(name for _, name in open_parts), above)
        part.lines.append(line)
    yield part


def _definition(line: str) -> str:
    """Return what a line defines, as "class Pump"; "" for other lines."""
    found = _DEFINITION.match(line)
    if found is None or not (found["rest"] == "" or _OPENS.search(found["rest"])):
        return ""
    return f"{found['kind']} {found['name'].rstrip(':.')}"


def _indent(line: str) -> int:
    blank = line[: len(line) - len(line.lstrip())]
    return len(blank.expandtabs(_TAB))


def _leaves(line: str, indent: int, open_parts: list[tuple[int, str]]) -> bool:
    """Whether a line stands outside of what was opened last; brackets and `end` belong to what they close."""
    words = line.split()
    if not words or not open_parts or words[0][0] in "{})]" or words[0] == "end":
        return False
    return open_parts[-1][0] >= indent


def _leading_lines(lines: list[str]) -> list[str]:
    """Take decorators and comments off the end of `lines`: they belong to the definition below them."""
    first = len(lines)
    while first and _LEADS_TO_NEXT.match(lines[first - 1]):
        first -= 1
    leading = lines[first:]
    del lines[first:]
    return leading


def _merged(parts: Iterable[_Part]) -> list[_Part]:
    """Return the parts, small ones taken together with what they begin, else with small neighbours."""
    merged: list[_Part] = []
    for part in _with_openings(list(parts)):
        last = merged[-1] if merged else None
        if last is not None and _fit_together(last, part) and min(last.words(), part.words()) < SMALL_WORDS:
            merged[-1] = _Part(_shared_path(last, part), last.lines + part.lines)
        else:
            merged.append(part)
    return merged


def _with_openings(parts: list[_Part]) -> list[_Part]:
    """Put what is small and opens something, as the line of a class and its text, to the first part within it."""
    joined: list[_Part] = []  # from the last to the first
    for part in reversed(parts):
        after = joined[-1] if joined else None
        is_opening = after is not None and after.path[: len(part.path)] == part.path != after.path
        if after is not None and is_opening and part.words() < SMALL_WORDS and _fit_together(part, after):
            joined[-1] = _Part(after.path, part.lines + after.lines)
        else:
            joined.append(part)
    return joined[::-1]


def _fit_together(first: _Part, second: _Part) -> bool:
    return first.words() + second.words() <= MOST_WORDS


def _shared_path(first: _Part, second: _Part) -> tuple[str, ...]:
    """Return the path of both together: that of the larger, or what two small ones have in common."""
    if first.words() >= SMALL_WORDS:
        return first.path
    if second.words() >= SMALL_WORDS or not first.words():
        return second.path
    return _common(first.path, second.path)


def _common(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    length = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        length += 1
    return first[:length]
