"""Which known word an unknown one was meant to be, and which words are written apart or together. Pure."""

import re
from collections.abc import Iterable

from rag.text.words import STOP_WORDS

_WORD = re.compile(r"[^\W\d_]+")
JOINED_MIN_LETTERS, JOINED_MAX_LETTERS = 2, 8
MAX_JOINED = 60


def edit_distance(a: str, b: str) -> int:
    """Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours, each counted 1."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        now = [i]
        for j, y in enumerate(b, 1):
            distance = min(last[j] + 1, now[-1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                distance = min(distance, before[j - 2] + 1)
            now.append(distance)
        before, last = last, now
    return last[-1]


def is_near(unknown: str, known: str) -> bool:
    """Whether one may be the other misspelt: by one edit in words of less than 8 letters, by two in longer ones."""
    return edit_distance(unknown, known) <= (1 if len(unknown) < 8 else 2)


def near_patterns(unknown: str) -> list[str]:
    """LIKE patterns that nearly every word fits which `unknown`, of 4 letters a-z or more, may be misspelt.

    What is one edit away has one of two halves unchanged, or two neighbours swapped across the middle; what is two
    edits away has one of three parts unchanged, at the word's start or end or within it (but for a swap across their
    border and another edit). Such a part is looked up by an index over trigrams much quicker than likeness is.
    """
    length = len(unknown)
    if length < 8:
        middle = length // 2
        swapped = unknown[: middle - 1] + unknown[middle] + unknown[middle - 1] + unknown[middle + 1 :]
        return [f"{unknown[:middle]}%", f"%{unknown[middle:]}", swapped]
    first, last = length // 3, length - (length + 1) // 3
    return [f"{unknown[:first]}%", f"%{unknown[first:last]}%", f"%{unknown[last:]}"]


def best_corrections(candidates: Iterable[tuple[int, str, str, int]]) -> dict[int, tuple[str, str]]:
    """The nearest known stem for each word, from `(place, stem, known, frequency)`; words with none near are absent.

    A word stands at one place of its question and may have several stems, of different languages: the one that is
    nearest to a known one is given with it. Ties go to the more frequent word.
    """
    best: dict[int, tuple[int, int, str, str]] = {}
    for place, unknown, known, frequency in candidates:
        if is_near(unknown, known):
            found = (edit_distance(unknown, known), -frequency, known, unknown)
            best[place] = min(best.get(place, found), found)
    return {place: (unknown, known) for place, (_, _, known, unknown) in best.items()}


def joined_neighbours(question: str) -> list[str]:
    """Neighbouring short words of the question as one: "back up" may stand as "backup" in a text.

    Each once, in order; without those the question has anyway. Most are no words: the search drops what no text has.
    A pair that begins with a function word ("in to") is left out: those made words by chance (nDCG@10 -.002 in code).
    """
    words = [word.lower() for word in _WORD.findall(question)]
    joined = dict.fromkeys(
        a + b
        for a, b in zip(words, words[1:], strict=False)
        if a not in STOP_WORDS and all(JOINED_MIN_LETTERS <= len(x) <= JOINED_MAX_LETTERS for x in (a, b))
    )
    return [word for word in joined if word not in words][:MAX_JOINED]
