"""Why a passage was found, in words for people. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rag.answering.extractive import LEAST_COSINE
from rag.retrieval.passages import Passage
from rag.text.document_language import detect_language
from rag.text.spelling import joined_neighbours
from rag.text.words import content_words, fold

MOST_ENDING = 6  # characters that a word may have behind its stem: "hydraul" stands for "hydraulically"
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Correction:
    """A word of the query that no document has, and the one it was taken for."""

    written: str
    meant: str


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why a passage was found: the query's words that it has, as written there, and whether it means much the same."""

    words: tuple[str, ...]
    is_close_in_meaning: bool


def corrections_of(query: str, lexemes: Mapping[str, str], passages: Iterable[Passage]) -> list[Correction]:
    """The corrections that search made, in whole words: the query's own, and those most frequent in what was found.

    Args:
        lexemes: stems that search took for others, as `rag.retrieval.search.Findings.corrections`.
    """
    counts = Counter(
        word.casefold() for passage in passages for word in _WORD.findall(f"{passage.heading} {passage.text}")
    )
    written = Counter(word.casefold() for word in _WORD.findall(query))
    return [
        Correction(_whole_word(unknown, written), _whole_word(known, counts))
        for unknown, known in lexemes.items()
    ]


def reasons_of(query: str, corrections: Iterable[Correction], passage: Passage) -> Reasons:
    """The query's words in the passage, its heading or its document's title, each once, in the query's order."""
    meant = [correction.meant for correction in corrections]
    around = f"{passage.document_title} {passage.heading} {passage.text}"
    language = detect_language(around)
    there = set(content_words(around, language))
    asked = [*_WORD.findall(query), *meant, *joined_neighbours(query)]
    found: dict[str, str] = {}
    for word in asked:
        if not there.isdisjoint(content_words(word, language)):
            found.setdefault(word.casefold(), word)
    return Reasons(tuple(found.values()), (passage.cosine or 0.0) >= LEAST_COSINE)


def _whole_word(stem: str, words: Counter[str]) -> str:
    """The most frequent of the words that the stem stands for, else the stem; a stem may end in i for y."""
    beginning = stem[:-1] if stem.endswith("i") else stem
    forms = [
        word for word in words if fold(word).startswith(beginning) and len(word) <= len(stem) + MOST_ENDING
    ]
    return max(forms, key=lambda word: (words[word], -len(word)), default=stem)
