"""The answerer for an installation without a language model: what fits the question best in the passages, quoted.

It is no language model and says so. It stands behind the same seam, so that everything else (streaming, citation check,
stop, failure) is the same for both.
"""

import math
import re
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from rag.answering.markers import WORD_JOINER
from rag.answering.windows import as_readable_row, is_finished, is_table_row, windows
from rag.llm.seam import AnswerRequest, CitationDelta, Completion, ModelEvent, TextDelta, Usage
from rag.retrieval.passages import Passage
from rag.text.sentences import split_sentences
from rag.text.spelling import joined_neighbours
from rag.text.words import content_words

MOST_QUOTATIONS = 3
LEAST_COVERAGE = 0.3  # of the question's idf; a passage with less answers some other question
LEAST_COSINE = 0.45  # MiniLM puts unrelated English text at 0 to 0.3
LEAST_COSINE_OF_ONE_WORD = 0.15  # one common word alone may be a chance, unless the meaning is not far off
RELEVANCE_SHARE = (
    0.65  # of the score: search has seen the whole passage, the words quoted are only a part of it
)
SHARE_OF_UNFINISHED = 0.8  # titles and lists of links say less than their words promise
LEAST_OF_BEST = 0.7  # what scores less than this share of the best is left out
INTRODUCTION = (
    "No language model is configured, so I cannot write an answer. "
    "These are the passages that match best, quoted:"
)
NOTHING = (
    "No language model is configured, so I can only quote the documents of this room, "
    "and I found nothing in them that matches this question."
)


@dataclass(frozen=True, slots=True)
class Quotation:
    """The words [start, end) of the passage with this number (1-based)."""

    number: int
    start: int
    end: int
    score: float


class ExtractiveModel:
    """Quotes the passages that fit best."""

    name = "extractive"

    async def stream(self, request: AnswerRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the quotations, each with its citation. Never fails."""
        quotations = best_quotations(request.question, request.passages)
        yield TextDelta(INTRODUCTION if quotations else NOTHING)
        for quotation in quotations:
            passage = request.passages[quotation.number - 1]
            yield TextDelta(f"\n\n**{_escape(passage.heading or passage.document_title)}**")
            yield TextDelta(f"\n\n{as_markdown_quote(_readable(passage.text, quotation))}")
            yield CitationDelta(quotation.number, passage.text[quotation.start : quotation.end])
        yield Completion("end_turn", Usage())


def best_quotations(question: str, passages: Sequence[Passage]) -> list[Quotation]:
    """At most one quotation per passage, best first; empty if no passage bears on the question.

    The score is made of the passage's among those found and of how much of the question the words quoted cover
    together with their heading. Idf counts the sentences of these passages: it needs no statistics.
    """
    idf = _idf(_words_asked(question, passages), passages)
    best_score = max((passage.score for passage in passages), default=0.0)
    quotations = []
    for number, passage in enumerate(passages, 1):
        start, end = _best_window(passage, idf)
        if start < end and _bears_on(passage, idf):
            relevance = passage.score / best_score if best_score > 0 else 0.0
            text = passage.text[start:end]
            coverage = idf.coverage(f"{passage.heading} {text}")
            if not (is_finished(text) or is_table_row(passage.text, (start, end))):
                coverage *= SHARE_OF_UNFINISHED
            score = RELEVANCE_SHARE * relevance + (1 - RELEVANCE_SHARE) * coverage
            quotations.append(Quotation(number, start, end, score))
    quotations.sort(key=lambda quotation: -quotation.score)
    return _distinct(quotations, passages)[:MOST_QUOTATIONS]


def _words_asked(question: str, passages: Sequence[Passage]) -> set[str]:
    """The question's words, and two that a passage writes as one: "back up" asks for "backup", too."""
    joined = set(content_words(" ".join(joined_neighbours(question))))
    if joined:
        joined &= {
            word for passage in passages for word in content_words(f"{passage.heading} {passage.text}")
        }
    return joined.union(content_words(question))


@dataclass(frozen=True, slots=True)
class _Idf:
    weights: dict[str, float]

    def coverage(self, text: str) -> float:
        """The share of the question's weight that the words of `text` have: 0 to 1."""
        total = sum(self.weights.values())
        return sum(self.weights[word] for word in self.common_words(text)) / total if total else 0.0

    def common_words(self, text: str) -> set[str]:
        return self.weights.keys() & set(content_words(text))


def _idf(words: set[str], passages: Sequence[Passage]) -> _Idf:
    sentences = [
        words.intersection(content_words(passage.text[slice(*span)]))
        for passage in passages
        for span in split_sentences(passage.text)
    ]
    frequency = Counter(word for sentence in sentences for word in sentence)
    return _Idf({word: math.log(1 + (1 + len(sentences)) / (1 + frequency[word])) for word in words})


def _bears_on(passage: Passage, idf: _Idf) -> bool:
    """Whether it has, with its heading, enough of the question's words by idf, or is close in meaning."""
    if passage.cosine is not None and passage.cosine >= LEAST_COSINE:
        return True
    text = f"{passage.document_title} {passage.heading} {passage.text}"
    is_chance = passage.cosine is not None and passage.cosine < LEAST_COSINE_OF_ONE_WORD
    if is_chance and len(idf.common_words(text)) < 2:
        return False
    return idf.coverage(text) >= LEAST_COVERAGE


def _best_window(passage: Passage, idf: _Idf) -> tuple[int, int]:
    """Start and end of the window that covers most; of equals the one whose own sentence does, then the first."""
    best, best_rank = (0, 0), (-1.0, -1.0)
    for sentence, window in windows(passage.text, passage.heading):
        rank = (idf.coverage(passage.text[slice(*window)]), idf.coverage(passage.text[slice(*sentence)]))
        if rank > best_rank:
            best, best_rank = window, rank
    return best


def _distinct(quotations: Sequence[Quotation], passages: Sequence[Passage]) -> list[Quotation]:
    """Without what overlapping chunks repeat, and without what is far behind the best."""
    kept: list[Quotation] = []
    wordings: list[str] = []
    for quotation in quotations:
        text = passages[quotation.number - 1].text[quotation.start : quotation.end]
        wording = " ".join(text.casefold().split())
        repeats = any(wording in other or other in wording for other in wordings)
        if not repeats and quotation.score >= quotations[0].score * LEAST_OF_BEST:
            kept.append(quotation)
            wordings.append(wording)
    return kept


def _readable(text: str, quotation: Quotation) -> str:
    span = (quotation.start, quotation.end)
    return as_readable_row(text[slice(*span)]) if is_table_row(text, span) else text[slice(*span)]


def as_markdown_quote(text: str) -> str:
    """`text` as a Markdown quotation that shows it as it is, line by line; a bracketed number in it is no citation."""
    return "\n".join(f"> {_escape(line)}" for line in text.splitlines() if line.strip())


def _escape(line: str) -> str:
    line = re.sub(r"\[(?=\d)", f"[{WORD_JOINER}", " ".join(line.split()))
    line = "".join(f"\\{character}" if character in "\\`*_[]<>#|~!&" else character for character in line)
    return re.sub(r"^([+-]|\d+(?=[.)]))", r"\\\1" if line[:1] in "+-" else r"\1\\", line)
