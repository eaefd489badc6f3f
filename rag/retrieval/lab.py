"""A search taken apart, for the admin's retrieval lab: scores and ranks of each side, the way it took, its plan."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection, transaction

from rag.embeddings import Embedder
from rag.embeddings.active_model import active_model, model_of
from rag.retrieval import statement
from rag.retrieval.audience import Audience
from rag.retrieval.filters import EVERYTHING
from rag.retrieval.near_duplicates import without_near_duplicates
from rag.retrieval.passages import Passage
from rag.retrieval.search import CANDIDATES, embed_question, question_text, understand
from rag.retrieval.statement import NO_VECTOR, Question, Statement, search_statement, size_statement

Result = TypeVar("Result")
SERVED = 10  # of the statement that is timed and explained


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that was scored, and its place by each score, from 1; None where it has no such score."""

    passage: Passage
    rank: int
    words_rank: int | None
    meaning_rank: int | None
    is_near_duplicate: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """One search. Times are in milliseconds; `words_way` and `meaning_way` say how candidates were found.

    `candidates` are all that were scored, best first.
    """

    question: Question
    model_name: str
    visible_chunks: int
    all_chunks: int
    words_way: str
    meaning_way: str
    candidates: list[Candidate]
    embedding_ms: float
    understanding_ms: float
    search_ms: float
    plan: str


def try_search(audience: Audience, query: str, *, embedder: Embedder | None = None) -> Trial | None:
    """What a search of that audience does; None where there is nothing to search for. Blocks, like a search.

    The statement runs three times: for its ten best, with the clock, for all candidates, and to be explained.
    """
    text = question_text(query)
    if not text:
        return None
    model = model_of(embedder) if embedder else active_model()
    vector, embedding_ms = _timed(lambda: embed_question(model, text))
    name = model.embedder.name if model else ""
    with transaction.atomic():
        question, understanding_ms = _timed(lambda: understand(audience, text, vector, embedder_name=name))
        [(visible, in_all)] = _rows(size_statement(audience))
        served = search_statement(audience, question, EVERYTHING, top_k=SERVED, candidates=CANDIDATES)
        _, search_ms = _timed(lambda: _rows(served))
        everything = search_statement(
            audience, question, EVERYTHING, top_k=2 * CANDIDATES, candidates=CANDIDATES
        )
        passages = [Passage(*row[:-1]) for row in _rows(everything)]
        explained = Statement(f"EXPLAIN (ANALYZE, FORMAT TEXT) {served.sql}", served.parameters)
        plan = "\n".join(line for (line,) in _rows(explained))
    return Trial(
        question=question,
        model_name=name,
        visible_chunks=visible,
        all_chunks=in_all,
        words_way=_words_way(visible, in_all),
        meaning_way="no vector to compare" if vector == NO_VECTOR else _meaning_way(visible),
        candidates=ranked(passages),
        embedding_ms=embedding_ms,
        understanding_ms=understanding_ms,
        search_ms=search_ms,
        plan=plan,
    )


def ranked(passages: Sequence[Passage]) -> list[Candidate]:
    """The passages, which come best first, with their places by each score; equal scores keep their order."""
    by_words = _places([passage for passage in passages if passage.bm25 > 0], lambda one: one.bm25)
    by_meaning = _places(
        [passage for passage in passages if passage.cosine is not None], lambda one: one.cosine or 0.0
    )
    kept = {passage.chunk_id for passage in without_near_duplicates(passages)}
    return [
        Candidate(
            passage,
            rank,
            by_words.get(passage.chunk_id),
            by_meaning.get(passage.chunk_id),
            is_near_duplicate=passage.chunk_id not in kept,
        )
        for rank, passage in enumerate(passages, 1)
    ]


def _places(passages: Sequence[Passage], score: Callable[[Passage], float]) -> dict[int, int]:
    best_first = sorted(passages, key=score, reverse=True)
    return {passage.chunk_id: place for place, passage in enumerate(best_first, 1)}


def _words_way(visible: int, in_all: int) -> str:
    """As search.sql chooses."""
    if visible <= statement.LEXICAL_EXACT_CHUNKS:
        return "all scored one by one"
    if visible > statement.WIDE_SHARE * in_all:
        return "candidates from the index over terms, each checked"
    return "candidates from the indexes over terms and over collections together"


def _meaning_way(visible: int) -> str:
    exact = visible <= statement.DENSE_EXACT_CHUNKS
    return "all scored one by one" if exact else "candidates from the vector index"


def _rows(made: Statement) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(made.sql, made.parameters)
        return cursor.fetchall()


def _timed(call: Callable[[], Result]) -> tuple[Result, float]:
    begun = time.perf_counter()
    result = call()
    return result, (time.perf_counter() - begun) * 1000
