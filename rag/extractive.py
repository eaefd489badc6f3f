"""The answerer for an installation without a language model: what fits the question best in the passages, quoted.

It is no language model and says so. It stands behind the same seam, so that everything else (streaming, citation check,
stop, failure) is the same for both.
"""

import math
import re
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from rag.llm.seam import AnswerRequest, CitationDelta, Completion, ModelEvent, TextDelta, Usage
from rag.markers import WORD_JOINER
from rag.passages import Passage
from rag.sentences import split_sentences
from rag.words import content_words

MOST_QUOTATIONS = 3
ENOUGH_CHARACTERS = 160  # a quotation is continued until it is that long, so that a reader has the context
MOST_CHARACTERS = 400
LEAST_COVERAGE = 0.3  # of the question's idf; a passage with less answers some other question
LEAST_COSINE = 0.45  # MiniLM puts unrelated English text at 0 to 0.3
LEAST_OF_BEST = 0.6  # what scores less than this share of the best is left out
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
            text = request.passages[quotation.number - 1].text[quotation.start : quotation.end]
            yield TextDelta(f"\n\n{as_markdown_quote(text)}")
            yield CitationDelta(quotation.number, text)
        yield Completion("end_turn", Usage())


def best_quotations(question: str, passages: Sequence[Passage]) -> list[Quotation]:
    """At most one quotation per passage, best first; empty if no passage bears on the question.

    A passage bears on it if, with its heading, it has enough of the question's words by idf, or is close in meaning.
    The score is half the passage's among those found, half the coverage of the words quoted. Idf counts the
    sentences of these passages: it needs no statistics.
    """
    idf = _idf(set(content_words(question)), passages)
    best_score = max((passage.score for passage in passages), default=0.0)
    quotations = []
    for number, passage in enumerate(passages, 1):
        around = idf.coverage(f"{passage.document_title} {passage.heading} {passage.text}")
        if around < LEAST_COVERAGE and (passage.cosine or 0.0) < LEAST_COSINE:
            continue
        start, end, coverage = _best_window(passage.text, idf)
        if start < end:
            relevance = passage.score / best_score if best_score > 0 else 0.0
            quotations.append(Quotation(number, start, end, (relevance + coverage) / 2))
    quotations.sort(key=lambda quotation: -quotation.score)
    return _distinct(quotations, passages)[:MOST_QUOTATIONS]


@dataclass(frozen=True, slots=True)
class _Idf:
    weights: dict[str, float]

    def coverage(self, text: str) -> float:
        """The share of the question's weight that the words of `text` have: 0 to 1."""
        total = sum(self.weights.values())
        return sum(self.weights.get(word, 0.0) for word in set(content_words(text))) / total if total else 0.0


def _idf(words: set[str], passages: Sequence[Passage]) -> _Idf:
    sentences = [
        words.intersection(content_words(passage.text[slice(*span)]))
        for passage in passages
        for span in split_sentences(passage.text)
    ]
    frequency = Counter(word for sentence in sentences for word in sentence)
    return _Idf({word: math.log(1 + (1 + len(sentences)) / (1 + frequency[word])) for word in words})


def _best_window(text: str, idf: _Idf) -> tuple[int, int, float]:
    """Start, end and coverage of the best few sentences: the most covered, and of equals what begins best."""
    spans = split_sentences(text)
    own = [idf.coverage(text[slice(*span)]) for span in spans]
    best, best_rank = (0, 0, 0.0), (-1.0, -1.0)
    for first, (start, _) in enumerate(spans):
        end = _window_end(spans, first)
        rank = (idf.coverage(text[start:end]), own[first])
        if rank > best_rank and (own[first] > 0 or not any(own)):
            best, best_rank = (start, end, rank[0]), rank
    return best


def _window_end(spans: Sequence[tuple[int, int]], first: int) -> int:
    start, end = spans[first]
    for _, next_end in spans[first + 1 :]:
        if end - start >= ENOUGH_CHARACTERS or next_end - start > MOST_CHARACTERS:
            break
        end = next_end
    return end


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


def as_markdown_quote(text: str) -> str:
    """`text` as a Markdown quotation that shows it as it is, line by line; a bracketed number in it is no citation."""
    return "\n".join(f"> {_escape(line)}" for line in text.splitlines() if line.strip())


def _escape(line: str) -> str:
    line = re.sub(r"\[(?=\d)", f"[{WORD_JOINER}", " ".join(line.split()))
    line = "".join(f"\\{character}" if character in "\\`*_[]<>#|~!&" else character for character in line)
    return re.sub(r"^([+-]|\d+(?=[.)]))", r"\\\1" if line[:1] in "+-" else r"\1\\", line)
