"""The search the assistant uses: hybrid, and limited to what an audience may read. See docs/retrieval.md."""

import logging
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from chat.text import clean_text
from rag.embeddings import Embedder, EmbeddingError
from rag.embeddings.active_model import ActiveModel, active_model, model_of
from rag.retrieval.audience import Audience as Audience
from rag.retrieval.filters import EVERYTHING, SearchFilters
from rag.retrieval.near_duplicates import without_near_duplicates
from rag.retrieval.neighbours import merge_neighbours
from rag.retrieval.passages import Passage
from rag.retrieval.reranking import configured_reranker, rerank
from rag.retrieval.statement import (
    NO_VECTOR,
    SESSION,
    Question,
    QuestionVector,
    Statement,
    corrections_statement,
    search_statement,
    unknown_words_statement,
    visible_terms_statement,
)
from rag.text.languages import Language, guess_language
from rag.text.spelling import best_corrections, is_near, joined_neighbours

logger = logging.getLogger(__name__)

QUESTION_MAX_CHARACTERS = 4000
# Weight of meaning against words, by nDCG@10: .5 to .7 differ little where the embedder knows the language; the English
# model on German questions does best with .4 (.938 against .918 with .6 and .920 with words alone).
WEIGHT_KNOWN_LANGUAGE = 0.6
WEIGHT_OTHER_LANGUAGE = 0.4
ENGLISH_ONLY_MODELS = ("minilm", "wordllama")
CANDIDATES = 100
SPARE_CHUNKS = 8
LEAST_RERANKED = 50


def search(
    audience: Audience,
    question: str,
    *,
    top_k: int = 10,
    filters: SearchFilters = EVERYTHING,
    embedder: Embedder | None = None,
) -> list[Passage]:
    """The chunks that fit a question best, best first; [] where none shares a word or a meaning, or none may be read.

    Near-duplicates of better ones are left out.
    Blocks: embeds the question (in the caller's thread) and runs three short statements, or five for a misspelt word; a
    configured reranker is asked then. From async code it goes
    through `chat.database.run_in_db`. If the embedder fails, words alone decide.

    Args:
        filters: what to search of what the audience may read.
        embedder: the one the chunks' vectors were made with; the active model's by default.
    """
    _, chunks = _distinct(audience, question, top_k, filters, embedder)
    return chunks[: max(top_k, 0)]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a search found, best first, and the lexemes that it took unknown words for, by those words' own."""

    passages: list[Passage]
    corrections: dict[str, str]


def search_passages(
    audience: Audience,
    question: str,
    *,
    top_k: int = 10,
    filters: SearchFilters = EVERYTHING,
    embedder: Embedder | None = None,
) -> Findings:
    """Like `search`, for people to read: chunks that follow each other in a document are one passage."""
    asked, chunks = _distinct(audience, question, top_k, filters, embedder)
    return Findings(merge_neighbours(chunks, most=max(top_k, 0)), asked.corrections if asked else {})


def _distinct(
    audience: Audience, question: str, top_k: int, filters: SearchFilters, embedder: Embedder | None
) -> tuple[Question | None, list[Passage]]:
    """More than `top_k` chunks, if there are more, so that enough are left of those that say the same.

    A configured reranker has ordered them, outside of any transaction.
    """
    reranker = configured_reranker()
    wanted = 2 * top_k + SPARE_CHUNKS if top_k > 0 else 0
    if reranker and wanted:
        wanted = max(wanted, LEAST_RERANKED)
    asked, ranked = _ranked(audience, question, wanted, filters, embedder, CANDIDATES)
    chunks = without_near_duplicates(passage for passage, _ in ranked)
    return asked, rerank(asked.text, chunks, reranker) if asked and reranker else chunks


def search_with_sources(
    audience: Audience,
    question: str,
    *,
    top_k: int = 10,
    filters: SearchFilters = EVERYTHING,
    embedder: Embedder | None = None,
    candidates: int = CANDIDATES,
) -> list[tuple[Passage, str]]:
    """All chunks as they rank, near-duplicates too, with the `source` of their documents.

    Args:
        candidates: how many of each side, words and meaning, are scored by both.
    """
    return _ranked(audience, question, top_k, filters, embedder, candidates)[1]


def _ranked(
    audience: Audience,
    question: str,
    top_k: int,
    filters: SearchFilters,
    embedder: Embedder | None,
    candidates: int,
) -> tuple[Question | None, list[tuple[Passage, str]]]:
    text = question_text(question)
    if not text or top_k < 1:
        return None, []
    model = model_of(embedder) if embedder else active_model()
    vector = embed_question(model, text)
    with transaction.atomic():
        asked = understand(audience, text, vector, embedder_name=model.embedder.name if model else "")
        statement = search_statement(audience, asked, filters, top_k=top_k, candidates=candidates)
        return asked, [(Passage(*row[:-1]), row[-1]) for row in _rows(statement)]


def question_text(question: str) -> str:
    """The part of a question that is searched for; "" if there is nothing in it."""
    return clean_text(question)[:QUESTION_MAX_CHARACTERS].strip()


def understand(audience: Audience, text: str, vector: QuestionVector, *, embedder_name: str) -> Question:
    """The question as the audience's search takes it; sets the transaction up for the search, too."""
    language = guess_language(text)
    with connection.cursor() as cursor:
        cursor.execute(SESSION)
    # Rare in a corpus of other languages, function words would weigh as rare words do. English ones are no lexemes.
    function_words = "" if language.is_english else " ".join(sorted(language.function_words))
    corrections, corrected = _corrections(audience, text, language.code, function_words)
    return Question(
        text=text,
        language=language.code,
        joined=" ".join(joined_neighbours(text)) if language.is_english else "",
        function_words=function_words,
        corrections=corrections,
        corrected_terms=corrected,
        vector=vector,
        dense_weight=dense_weight(embedder_name, language),
    )


def _corrections(
    audience: Audience, text: str, language: str, function_words: str
) -> tuple[dict[str, str], tuple[tuple[int, int], ...]]:
    """What misspelt words are taken for, by their stems, and as pairs of a word's place and a term.

    They are words that a chunk has which the audience may read, and no others. Most words that resemble an unknown one
    are too far from it: only the others are looked up.
    """
    unknown = _rows(unknown_words_statement(audience, text, language, function_words))
    if not unknown:
        return {}, ()
    near = [row for row in _rows(corrections_statement(unknown)) if is_near(row[1], row[2])]
    if not near:
        return {}, ()
    visible = {term for (term,) in _rows(visible_terms_statement(audience, [row[4] for row in near]))}
    best = best_corrections(row[:4] for row in near if row[4] in visible)
    terms = {(row[0], row[4]) for row in near if row[4] in visible and best.get(row[0]) == row[1:3]}
    return dict(best.values()), tuple(sorted(terms))


def _rows(statement: Statement) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, statement.parameters)
        return cursor.fetchall()


def dense_weight(embedder_name: str, language: Language) -> float:
    """How much meaning counts against words: less where the embedder does not know the question's language."""
    english_only = any(name in embedder_name.lower() for name in ENGLISH_ONLY_MODELS)
    return WEIGHT_OTHER_LANGUAGE if english_only and not language.is_english else WEIGHT_KNOWN_LANGUAGE


def embed_question(model: ActiveModel | None, text: str) -> QuestionVector:
    """The question's vector, or none where no model answers yet or its embedder fails."""
    if model is None:
        return NO_VECTOR
    try:
        vector = model.embedder.embed_query(text)
    except EmbeddingError as error:
        logger.warning("The question could not be embedded, words alone decide: %s", error)
        return NO_VECTOR
    if len(vector) != model.dimensions:
        logger.warning(
            "%s gave %d dimensions, its stored vectors have %d",
            model.embedder.name,
            len(vector),
            model.dimensions,
        )
        return NO_VECTOR
    literal = "[" + ",".join(format(float(x), ".6g") for x in vector) + "]"
    return QuestionVector(model.id, model.dimensions, literal)
