"""The answerer for an installation without a language model: the sentences that match the question best, quoted.

It is no language model and says so. It stands behind the same seam, so that everything else (streaming,
citation check, stop, failure) is the same for both.
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

MOST_SENTENCES = 4
LEAST_COVERAGE = 0.3  # share of the question's idf mass; below it a quotation answers some other question
LEAST_COSINE = 0.45  # MiniLM puts unrelated English text at 0 to 0.3
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
    """A sentence [start, end) of the passage with this number (1-based)."""

    number: int
    start: int
    end: int
    score: float


class ExtractiveModel:
    """Quotes the best sentences of the passages."""

    name = "extractive"

    async def stream(self, request: AnswerRequest) -> AsyncGenerator[ModelEvent, None]:
        """Yield the quotations, each with its citation. Never fails."""
        quotations = best_sentences(request.question, request.passages)
        yield TextDelta(INTRODUCTION if quotations else NOTHING)
        for quotation in quotations:
            text = request.passages[quotation.number - 1].text[quotation.start : quotation.end]
            yield TextDelta(f"\n\n> {as_markdown_text(text)}")
            yield CitationDelta(quotation.number, text)
        yield Completion("end_turn", Usage())


def best_sentences(
    question: str, passages: Sequence[Passage], *, limit: int = MOST_SENTENCES
) -> list[Quotation]:
    """The sentences that answer best, best first and each wording once; empty if none bears on the question.

    A sentence scores the idf-weighted share of the question's words that it or, at half weight, its passage
    has, plus a tenth of the passage's rank among those found. Idf counts sentences among all the passages, so
    it needs no statistics.
    """
    wanted = set(content_words(question))
    sentences = [
        (number, span, set(content_words(passage.text[slice(*span)])))
        for number, passage in enumerate(passages, 1)
        for span in split_sentences(passage.text)
    ]
    frequency = Counter(word for _, _, words in sentences for word in words & wanted)
    idf = {word: math.log(1 + len(sentences) / (1 + frequency[word])) for word in wanted}
    total = sum(idf.values()) or 1.0
    around = {number: set[str]() for number in range(1, len(passages) + 1)}
    for number, _, words in sentences:
        around[number] |= words & wanted

    scored = []
    for number, (start, end), words in sentences:
        own = sum(idf[word] for word in words & wanted) / total
        near = sum(idf[word] for word in around[number]) / total
        if own > 0 and own + near >= 2 * LEAST_COVERAGE:
            rank = 1 - (number - 1) / len(passages)
            scored.append(Quotation(number, start, end, own + near / 2 + rank / 10 - _brevity_penalty(words)))
    scored.sort(key=lambda quotation: -quotation.score)
    return _distinct(scored or _closest_in_meaning(passages), passages)[:limit]


def _brevity_penalty(words: set[str]) -> float:
    """Headings and fragments repeat the question's words without saying anything about them."""
    return 0.3 if len(words) < 4 else 0.0


def _closest_in_meaning(passages: Sequence[Passage]) -> list[Quotation]:
    """Without a common word: the first sentences of passages whose vector is close to the question's."""
    quotations = []
    for number, passage in enumerate(passages, 1):
        spans = split_sentences(passage.text)
        if spans and passage.cosine is not None and passage.cosine >= LEAST_COSINE:
            quotations.append(Quotation(number, *spans[0], passage.cosine))
    return quotations[:2]


def _distinct(quotations: Sequence[Quotation], passages: Sequence[Passage]) -> list[Quotation]:
    """Without the repeats that overlapping chunks bring; keeps only what is within reach of the best."""
    seen: set[str] = set()
    distinct = []
    for quotation in quotations:
        wording = " ".join(
            passages[quotation.number - 1].text[quotation.start : quotation.end].casefold().split()
        )
        if wording not in seen and quotation.score >= quotations[0].score * 0.6:
            seen.add(wording)
            distinct.append(quotation)
    return distinct


def as_markdown_text(text: str) -> str:
    """`text` on one line, escaped so that Markdown shows it as it is and a bracketed number is no citation."""
    line = re.sub(r"\[(?=\d)", f"[{WORD_JOINER}", " ".join(text.split()))
    return "".join(f"\\{character}" if character in "\\`*_[]<>#|~!" else character for character in line)
