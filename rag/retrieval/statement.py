"""The one SQL statement of a search, filled in: `rag/retrieval/sql/search.sql`. See docs/retrieval.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.retrieval.audience import Audience
from rag.retrieval.filters import SearchFilters
from rag.text.spelling import near_patterns

_SQL = Path(__file__).with_name("sql")
_SEARCH = (_SQL / "search.sql").read_text()
_CHOSEN = (_SQL / "chosen.sql").read_text()
# How many chunks the audience can read, and how many there are.
_SIZE = """SELECT
    coalesce((SELECT sum(chunk_count) FROM rag_collectionstatistic WHERE collection_id IN ({audience})), 0),
    coalesce((SELECT chunk_count FROM rag_corpusstatistic), 0)"""
_VISIBLE_TERMS = (
    "SELECT rag_visible_terms(%(terms)s::bigint[], ARRAY(SELECT id FROM ({audience}) AS allowed(id)))"
)
_UNKNOWN = (_SQL / "unknown.sql").read_text()
_CORRECTIONS = (_SQL / "corrections.sql").read_text()
# Set for the transaction. The plan is known to be good: jit and parallel workers only cost time to set up.
SESSION = """SELECT set_config('jit', 'off', true), set_config('max_parallel_workers_per_gather', '0', true),
    set_config('work_mem', '32MB', true), set_config('hnsw.ef_search', '200', true),
    set_config('hnsw.iterative_scan', 'relaxed_order', true)"""

# Up to so many visible chunks a scan of all of them is exact and as quick as an index (100k and 1M chunks measured).
LEXICAL_EXACT_CHUNKS = 20_000
DENSE_EXACT_CHUNKS = 50_000
# Chunks of chosen documents are fetched one by one, and not in the order in which they lie: worth it for fewer of them.
CHOSEN_EXACT_CHUNKS = 20_000
# Above this share of all chunks, words' candidates are checked one by one; below, by the index over collections, too.
WIDE_SHARE = 0.3
LEAST_FREQUENCY_OF_CORRECTIONS = 3

# What the placeholders of search.sql stand for without and with filters by document. The subquery of `passes` is not
# turned into a join, which would keep the vector index from giving its rows in their order.
_ALL_DOCUMENTS = {
    "chosen": "",
    "n": "coalesce(sum(chunk_count), 0)",
    "each": "collection_id = ANY((SELECT ids FROM visible)::bigint[])",
    "passes": "true",
}
_CHOSEN_DOCUMENTS = {
    "chosen": _CHOSEN.format(),
    "n": "(SELECT coalesce(sum(chunk_count), 0) FROM chosen)",
    "each": "chunk_id = ANY((SELECT ids FROM chosen_chunk)::bigint[])",
    "passes": "(SELECT c.document_id IN (SELECT id FROM chosen) FROM rag_chunk c WHERE c.id = chunk_id)",
}


@dataclass(frozen=True, slots=True)
class QuestionVector:
    """A question's vector as pgvector reads it, and the stored model it can be compared with."""

    model_id: int
    dimensions: int
    literal: str


# No row has this model: the statement then goes by words alone.
NO_VECTOR = QuestionVector(0, 1, "")


@dataclass(frozen=True, slots=True)
class Question:
    """What is searched for.

    Attributes:
        text: as it was asked.
        language: that it seems to be in, by ISO 639-1; "" where that cannot be told.
        joined: neighbouring words written as one, with spaces between.
        function_words: of `text`, to be left out; with spaces between.
        corrections: the stems that its unknown words are taken for, by those words' own.
        corrected_terms: the same as the words' places in the text and the terms, one for each language that has the
            stem.
        dense_weight: how much meaning counts against words, 0 to 1.
    """

    text: str
    language: str
    joined: str
    function_words: str
    corrections: dict[str, str]
    corrected_terms: tuple[tuple[int, int], ...]
    vector: QuestionVector
    dense_weight: float


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters."""

    sql: str
    parameters: dict[str, Any]


def unknown_words_statement(audience: Audience, text: str, language: str, function_words: str) -> Statement:
    """Rows `(place, stem, languages)`: the words that the audience cannot know.

    A word has a row for each of its stems, and `place` tells which of the question's it is; languages have spaces
    between.
    """
    return Statement(
        _UNKNOWN.format(audience=audience.collections_sql),
        {
            "audience_id": audience.id,
            "question": text,
            "language": language,
            "function_words": function_words,
        },
    )


def corrections_statement(unknown: Sequence[tuple[int, str, str]]) -> Statement:
    """Rows `(place, unknown, known, frequency, term)` for rows of unknown words: known ones like them, stem by stem.

    Whether a chunk of the audience's has the known word is not checked.
    """
    return Statement(
        _CORRECTIONS,
        {
            "places": [place for place, _, _ in unknown],
            "unknown": [stem for _, stem, _ in unknown],
            "languages": [languages for _, _, languages in unknown],
            "patterns": [" ".join(near_patterns(stem)) for _, stem, _ in unknown],
            "least_frequency": LEAST_FREQUENCY_OF_CORRECTIONS,
        },
    )


def visible_terms_statement(audience: Audience, terms: Sequence[int]) -> Statement:
    """Rows `(term,)`: those of the terms that stand in a chunk which the audience may read."""
    return Statement(
        _VISIBLE_TERMS.format(audience=audience.collections_sql),
        {"audience_id": audience.id, "terms": list(terms)},
    )


def size_statement(audience: Audience) -> Statement:
    """One row: how many chunks the audience can read, and how many there are."""
    return Statement(_SIZE.format(audience=audience.collections_sql), {"audience_id": audience.id})


def search_statement(
    audience: Audience, question: Question, filters: SearchFilters, *, top_k: int, candidates: int
) -> Statement:
    """Rows of `rag.retrieval.passages.Passage` and the document's source, best first, at most `top_k`.

    Args:
        candidates: how many of each side, words and meaning, are scored by both.
    """
    vector = question.vector
    sql = _SEARCH.format(
        audience=audience.collections_sql,
        model=vector.model_id,
        dimensions=vector.dimensions,
        **(_CHOSEN_DOCUMENTS if filters.is_by_document else _ALL_DOCUMENTS),
    )
    dense_exact = CHOSEN_EXACT_CHUNKS if filters.is_by_document else DENSE_EXACT_CHUNKS
    return Statement(
        sql,
        {
            **filters.parameters(),
            "audience_id": audience.id,
            "question": question.text,
            "joined": question.joined,
            "language": question.language,
            "corrected_places": [place for place, _ in question.corrected_terms],
            "corrected_terms": [term for _, term in question.corrected_terms],
            "vector": vector.literal or None,
            "function_words": question.function_words,
            "a": question.dense_weight,
            "top_k": top_k,
            "candidates": max(candidates, min(top_k, 1000)),
            "lexical_exact": LEXICAL_EXACT_CHUNKS,
            "wide": WIDE_SHARE,
            "dense_exact": min(dense_exact, DENSE_EXACT_CHUNKS),
        },
    )
