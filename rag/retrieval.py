"""The search the assistant uses: hybrid, and limited to what an audience may read. See docs/retrieval.md."""

import logging
from collections.abc import Collection as Ids
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import connection, transaction

from chat.text import clean_text
from rag.active_model import ActiveModel, active_model, model_of
from rag.embeddings import Embedder, EmbeddingError
from rag.languages import Language, guess_language
from rag.passages import Passage
from rag.spelling import best_corrections, joined_neighbours

if TYPE_CHECKING:
    from chat.models import User

logger = logging.getLogger(__name__)

_SQL = Path(__file__).with_name("sql")
_SEARCH = (_SQL / "search.sql").read_text()
_CORRECTIONS = (_SQL / "corrections.sql").read_text()
# Set for the transaction. The plan is known to be good: jit and parallel workers only cost time to set up.
_SESSION = """SELECT set_config('jit', 'off', true), set_config('max_parallel_workers_per_gather', '0', true),
    set_config('work_mem', '32MB', true), set_config('hnsw.ef_search', '200', true),
    set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('pg_trgm.similarity_threshold', '0.2', true)"""

QUESTION_MAX_CHARACTERS = 4000
# Weight of meaning against words, by nDCG@10: .5 to .7 differ little where the embedder knows the language; the English
# model on German questions does best with .4 (.938 against .918 with .6 and .920 with words alone).
WEIGHT_KNOWN_LANGUAGE = 0.6
WEIGHT_OTHER_LANGUAGE = 0.4
ENGLISH_ONLY_MODELS = ("minilm", "wordllama")
# Up to so many visible chunks a scan of all of them is exact and as quick as an index (100k and 1M chunks measured).
LEXICAL_EXACT_CHUNKS = 20_000
DENSE_EXACT_CHUNKS = 50_000
CANDIDATES = 100


@dataclass(frozen=True, slots=True)
class Audience:
    """Who will see what is found; nothing is found that any of them may not read."""

    collections_sql: str
    id: int | None = None

    @classmethod
    def of_room(cls, room_id: int) -> "Audience":
        """Everybody who may read the room: for what is posted there."""
        return cls("SELECT rag_collections_of_room(%(audience_id)s)", room_id)

    @classmethod
    def of_user(cls, user: "User") -> "Audience":
        """One user: for what only he or she gets to see."""
        return cls("SELECT rag_collections_of_user(%(audience_id)s)", user.pk)

    @classmethod
    def everything(cls) -> "Audience":
        """Every collection: for whoever runs commands on the server."""
        return cls("SELECT id FROM rag_collection")


@dataclass(frozen=True, slots=True)
class _Vector:
    model_id: int
    dimensions: int
    literal: str


# No row has this model: the statement then goes by words alone.
_NO_VECTOR = _Vector(0, 1, "")


def search(
    audience: Audience,
    question: str,
    *,
    top_k: int = 10,
    collection_ids: Ids[int] | None = None,
    embedder: Embedder | None = None,
) -> list[Passage]:
    """The passages that fit a question best, best first; [] where none shares a word or a meaning, or none may be read.

    Blocks: embeds the question (in the caller's thread) and runs three short statements. From async code it goes
    through `chat.database.run_in_db`. If the embedder fails, words alone decide.

    Args:
        collection_ids: search only these, as far as the audience may read them; None means all.
        embedder: the one the chunks' vectors were made with; the active model's by default.
    """
    return [
        passage
        for passage, _ in search_with_sources(
            audience, question, top_k=top_k, collection_ids=collection_ids, embedder=embedder
        )
    ]


def search_with_sources(
    audience: Audience,
    question: str,
    *,
    top_k: int = 10,
    collection_ids: Ids[int] | None = None,
    embedder: Embedder | None = None,
    candidates: int = CANDIDATES,
) -> list[tuple[Passage, str]]:
    """Like `search`, each passage with the `source` of its document; `candidates` per side are scored."""
    text = clean_text(question)[:QUESTION_MAX_CHARACTERS].strip()
    if not text or top_k < 1:
        return []
    model = model_of(embedder) if embedder else active_model()
    language = guess_language(text)
    vector = _embed(model, text)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SESSION)
        cursor.execute(
            _CORRECTIONS.format(audience=audience.collections_sql),
            {"audience_id": audience.id, "question": text, "least_frequency": 3},
        )
        corrections = list(best_corrections(cursor.fetchall()).values())
        statement = _SEARCH.format(
            audience=audience.collections_sql, model=vector.model_id, dimensions=vector.dimensions
        )
        cursor.execute(
            statement,
            {
                "audience_id": audience.id,
                "collection_ids": None if collection_ids is None else list(collection_ids),
                "question": text,
                "joined": " ".join(joined_neighbours(text)) if language.is_english else "",
                "corrections": corrections,
                "vector": vector.literal or None,
                # Rare in a mixed corpus, they would weigh as rare words do. English ones are no lexemes anyway.
                "function_words": "" if language.is_english else " ".join(language.function_words),
                "a": dense_weight(model.embedder.name if model else "", language),
                "top_k": top_k,
                "candidates": max(candidates, min(top_k, 1000)),
                "lexical_exact": LEXICAL_EXACT_CHUNKS,
                "dense_exact": DENSE_EXACT_CHUNKS,
            },
        )
        return [(Passage(*row[:-1]), row[-1]) for row in cursor.fetchall()]


def dense_weight(embedder_name: str, language: Language) -> float:
    """How much meaning counts against words: less where the embedder does not know the question's language."""
    english_only = any(name in embedder_name.lower() for name in ENGLISH_ONLY_MODELS)
    return WEIGHT_OTHER_LANGUAGE if english_only and not language.is_english else WEIGHT_KNOWN_LANGUAGE


def _embed(model: ActiveModel | None, text: str) -> _Vector:
    """The question's vector, or none where no model answers yet or its embedder fails."""
    if model is None:
        return _NO_VECTOR
    try:
        vector = model.embedder.embed_query(text)
    except EmbeddingError as error:
        logger.warning("The question could not be embedded, words alone decide: %s", error)
        return _NO_VECTOR
    if len(vector) != model.dimensions:
        logger.warning(
            "%s gave %d dimensions, its stored vectors have %d",
            model.embedder.name,
            len(vector),
            model.dimensions,
        )
        return _NO_VECTOR
    return _Vector(model.id, model.dimensions, "[" + ",".join(format(float(x), ".6g") for x in vector) + "]")
