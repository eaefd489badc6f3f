"""Asking the questions of a run: the flow of job `rag.run_evaluation`. It blocks, and may be killed and begun again."""

import time
from collections.abc import Callable
from typing import Any

from rag.actions import evaluation
from rag.embeddings import EmbeddingError
from rag.embeddings.active_model import active_model
from rag.evaluation.metrics import scores_of
from rag.models import Document, EvaluationRun, GoldenQuestion
from rag.retrieval import search
from rag.retrieval.audience import Audience
from rag.retrieval.passages import Passage

DEPTH = 20  # documents per question: recall@20
# A document is found by its best passage, so more passages are looked at than documents wanted.
PASSAGES_PER_DOCUMENT = 4
EVALUATION_SLICE_S = 20.0  # then documents get their turn
SEARCH_CHANGED = "The search was changed during the run, so its results cannot be compared with one another."


def _never() -> bool:
    return False


def current_configuration() -> dict[str, Any]:
    """What decides about the results of a search, beside the documents."""
    model = active_model()
    return {
        "embedder": model.embedder.name if model else None,
        "weight_of_meaning": search.WEIGHT_KNOWN_LANGUAGE,
        "weight_of_meaning_in_other_languages": search.WEIGHT_OTHER_LANGUAGE,
        "candidates": search.CANDIDATES,
        "top_k": DEPTH,
        "passages_per_document": PASSAGES_PER_DOCUMENT,
    }


def run_evaluation(
    run_id: int, *, should_stop: Callable[[], bool] = _never, slice_s: float = EVALUATION_SLICE_S
) -> bool:
    """Ask the run's questions that have no result yet. True when the run has ended; else the rest is enqueued.

    Raises:
        EmbeddingError: a question could not be embedded: words alone would measure another search.
    """
    run = evaluation.begin_evaluation(run_id, current_configuration())
    if run is None:
        return True
    deadline = time.monotonic() + slice_s
    asked = run.results.values("question")
    for question in evaluation.questions_to_ask(run.golden_set_id).exclude(pk__in=asked):
        if current_configuration() != run.configuration:
            evaluation.fail_evaluation(run_id, SEARCH_CHANGED)
            return True
        if not _ask(run, question):
            return True
        if should_stop() or time.monotonic() > deadline:
            evaluation.continue_evaluation(run_id)
            return False
    evaluation.finish_evaluation(run_id)
    return True


def _ask(run: EvaluationRun, question: GoldenQuestion) -> bool:
    """Ask one question and keep the result; False if the run is gone."""
    begun_at = time.perf_counter()
    passages = search.search(
        Audience.of_user(question.asked_by), question.text, top_k=DEPTH * PASSAGES_PER_DOCUMENT
    )
    search_ms = (time.perf_counter() - begun_at) * 1000
    if run.configuration["embedder"] and passages and all(passage.cosine is None for passage in passages):
        raise EmbeddingError(f"Golden question {question.pk} was searched by words alone.", retryable=True)
    best = _best_passages(passages)
    grades = _grades(question, best)
    found = [
        {
            "id": passage.document_id,
            "title": passage.document_title,
            "score": round(passage.score, 4),
            "grade": grades.get(passage.document_id, 0),
        }
        for passage in best
    ]
    scores = scores_of([passage.document_id for passage in best], grades, depth=DEPTH)
    return evaluation.store_result(run.pk, question, scores, found=found, search_ms=search_ms)


def _best_passages(passages: list[Passage]) -> list[Passage]:
    """The best passage of each of the best documents, at most DEPTH of them."""
    best: dict[int, Passage] = {}
    for passage in passages:
        best.setdefault(passage.document_id, passage)
    return list(best.values())[:DEPTH]


def _grades(question: GoldenQuestion, found: list[Passage]) -> dict[int, int]:
    """The grade of each relevant document by its id.

    Where another version of it was found (the same collection and source), by that one's. Negative ids stand for
    documents that are gone: they are still missed.
    """
    sources = dict(
        Document.objects.filter(pk__in=[passage.document_id for passage in found])
        .exclude(source="")
        .values_list("pk", "source")
    )
    versions = {
        (passage.collection_id, sources[passage.document_id]): passage.document_id
        for passage in reversed(found)
        if passage.document_id in sources
    }
    return {
        versions.get(
            (relevant.collection_id, relevant.source), relevant.document_id or -relevant.pk
        ): relevant.grade
        for relevant in question.relevant.order_by("grade", "pk")
    }
