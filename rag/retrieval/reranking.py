"""An optional second look at what a search found: a model that reads question and passage together orders them anew."""

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Protocol

import httpx2
from django.conf import settings

from rag.embeddings.addresses import without_credentials
from rag.retrieval.passages import Passage

logger = logging.getLogger(__name__)

MOST_RERANKED = 100  # passages in one request
# Somebody waits, and the order of the search is there without it: no second attempt.
_TIMEOUT = httpx2.Timeout(5.0, connect=2.0)


class RerankingError(Exception):
    """The passages could not be judged; says why, without keys."""


class Reranker(Protocol):
    """Judges passages by a question. Blocks."""

    def judge(self, question: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the question, higher is better, in the order of the texts.

        Raises:
            RerankingError: there is no complete judgement.
        """
        ...


class RemoteReranker:
    """A server's `POST .../rerank` as Cohere, Jina and Voyage have it: they differ in the name of the list alone."""

    def __init__(self, *, url: str, model: str, api_key: str = "") -> None:
        """Take the whole address, such as `https://api.cohere.com/v2/rerank`; no request is made yet."""
        self._url, self._model = url, model
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx2.Client(headers=headers, timeout=_TIMEOUT)

    def close(self) -> None:
        """Close the connections to the server; the reranker cannot be used again."""
        self._client.close()

    def judge(self, question: str, texts: Sequence[str]) -> list[float]:
        """One request; see `Reranker`."""
        body = {"model": self._model, "query": question, "documents": list(texts)}
        try:
            response = self._client.post(self._url, json=body)
            if response.status_code != 200:
                raise RerankingError(f"{self._shown} answered status {response.status_code}")
            answer = response.json()
        except httpx2.HTTPError as error:
            raise RerankingError(f"{self._shown}: {type(error).__name__}") from error
        except ValueError as error:
            raise RerankingError(f"{self._shown} answered no JSON") from error
        return _scores(answer, len(texts))

    @property
    def _shown(self) -> str:
        return without_credentials(self._url)


def rerank(question: str, passages: Sequence[Passage], reranker: Reranker) -> list[Passage]:
    """The first MOST_RERANKED passages by the reranker's judgement, which becomes their score.

    If it fails, all of them as they are.
    """
    judged = list(passages[:MOST_RERANKED])
    if not judged:
        return []
    try:
        scores = reranker.judge(question, [_as_read(passage) for passage in judged])
    except RerankingError as error:
        logger.warning("Passages keep the order of the search: %s", error)
        return list(passages)
    with_scores = [replace(passage, score=score) for passage, score in zip(judged, scores, strict=True)]
    return sorted(with_scores, key=lambda passage: passage.score, reverse=True)


def configured_reranker() -> Reranker | None:
    """The one that the settings name; None, the default, without one. The same object for the same settings."""
    if not settings.RERANKER_URL:
        return None
    return _remote(settings.RERANKER_URL, settings.RERANKER_MODEL, settings.RERANKER_API_KEY)


@lru_cache(maxsize=4)
def _remote(url: str, model: str, api_key: str) -> RemoteReranker:
    return RemoteReranker(url=url, model=model, api_key=api_key)


def _as_read(passage: Passage) -> str:
    """With what stands above it, as the embedder reads it."""
    return "\n".join(part for part in (passage.document_title, passage.heading, passage.text) if part)


def _scores(answer: object, count: int) -> list[float]:
    """The judgement of each text from `{"results" or "data": [{"index", "relevance_score"}]}`, in any order."""
    rows = (answer.get("results") or answer.get("data")) if isinstance(answer, dict) else None
    scores: dict[int, float] = {}
    try:
        for row in rows or []:
            scores[int(row["index"])] = float(row["relevance_score"])
        judged = [scores[index] for index in range(count)]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise RerankingError("the answer does not judge every passage") from error
    if not all(map(math.isfinite, judged)):
        raise RerankingError("the answer has a judgement that is no number")
    return judged
