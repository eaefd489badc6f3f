"""Passages that say again, word for word or nearly so, what a better one says. Pure.

Two texts are near-duplicates if at least LEAST_SIMILARITY of their runs of SHINGLE_WORDS words are common to both
(Jaccard's index of shingles, Broder 1997) and they have the same numbers: this year's price list is not last year's.
Texts too short to judge by that, below LEAST_WORDS words, are duplicates only if all their words are the same.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from rag.retrieval.passages import Passage

SHINGLE_WORDS = 3
LEAST_SIMILARITY = 0.85
LEAST_WORDS = 20
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+")
Shingle = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Text:
    words: tuple[str, ...]
    shingles: frozenset[Shingle]


def without_near_duplicates(passages: Iterable[Passage]) -> list[Passage]:
    """The passages in their order, each left out that is a near-duplicate of one before it that was kept."""
    kept: list[Passage] = []
    known: dict[tuple[str, ...], list[_Text]] = {}  # by their numbers: only such can be alike
    for passage in passages:
        text = _read(passage.text)
        alike = known.setdefault(_numbers(text), [])
        if not any(_is_same(text, other) for other in alike):
            alike.append(text)
            kept.append(passage)
    return kept


def _read(text: str) -> _Text:
    words = tuple(_WORD.findall(text.casefold()))
    shingles = zip(*(words[start:] for start in range(SHINGLE_WORDS)), strict=False)
    return _Text(words, frozenset(shingles))


def _numbers(text: _Text) -> tuple[str, ...]:
    counts = Counter(number for word in text.words for number in _NUMBER.findall(word))
    return tuple(sorted(counts.elements()))


def _is_same(one: _Text, other: _Text) -> bool:
    if one.words == other.words:
        return True
    if min(len(one.words), len(other.words)) < LEAST_WORDS:
        return False
    sizes = sorted((len(one.shingles), len(other.shingles)))
    if sizes[0] < LEAST_SIMILARITY * sizes[1]:  # then they cannot have enough in common
        return False
    common = len(one.shingles & other.shingles)
    return common >= LEAST_SIMILARITY * (sum(sizes) - common)
