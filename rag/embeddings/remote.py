"""Embeddings from any server that speaks OpenAI's `POST /v1/embeddings`, and from Voyage, which nearly does."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import httpx2

from rag.embeddings.addresses import without_credentials
from rag.embeddings.dialects import DIALECTS, Dialect, estimate_tokens, tokens_used
from rag.embeddings.embedder import EmbeddingError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

BATCH_TEXTS = 64
FIRST_WAIT_S = 0.5


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a server is asked."""

    attempts: int
    longest_wait_s: float
    timeout: httpx2.Timeout


# A busy server may take long for a full batch; a server that does not even accept connections is down.
FOR_PASSAGES = Patience(5, 30.0, httpx2.Timeout(60.0, connect=5.0))
# Somebody waits for a question's answer, and without its vector the search still finds words.
FOR_QUESTIONS = Patience(2, 1.0, httpx2.Timeout(5.0, connect=2.0))

_RETRYABLE_STATUS = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


class UsageRecorder(Protocol):
    """Told of each request that was answered, in the thread that asked."""

    def __call__(self, model: str, *, texts: int, tokens: int, is_question: bool) -> None: ...


class RequestPace(Protocol):
    """Asked before each request; waits, or raises EmbeddingError (rag/embeddings/pace.py)."""

    def take(self, *, tokens: int, is_question: bool) -> None: ...


class RemoteEmbedder:
    """A model behind an address that speaks `dialect`; its dimension is learned from the first answer.

    Overload and network failures are tried again with exponential backoff and full jitter, or after what the
    server's Retry-After asks for; how often and how long at most, `FOR_PASSAGES` and `FOR_QUESTIONS` say.
    """

    batch_texts = BATCH_TEXTS

    def __init__(
        self,
        *,
        url: str,
        model: str,
        api_key: str = "",
        dialect: Dialect = DIALECTS["openai"],
        pace: RequestPace | None = None,
        on_usage: UsageRecorder | None = None,
        sleep: Callable[[float], None] = time.sleep,
        for_passages: Patience = FOR_PASSAGES,
        for_questions: Patience = FOR_QUESTIONS,
    ) -> None:
        """Take the address as `https://host`, `https://host/v1` or the full path; no request is made yet."""
        self.name = model
        self._endpoint = _endpoint(url)
        self._shown = without_credentials(self._endpoint)
        self._dimensions: int | None = None
        self._sleep = sleep
        self._dialect, self._pace, self._on_usage = dialect, pace, on_usage
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._for_passages, self._for_questions = for_passages, for_questions
        self._client = httpx2.Client(headers=headers)

    def __enter__(self) -> RemoteEmbedder:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the server; the embedder cannot be used again."""
        self._client.close()

    @property
    def dimensions(self) -> int:
        """Number of components; costs one request while it is not known."""
        if self._dimensions is None:
            self._request(["dimensions"], is_question=True)
        assert self._dimensions is not None
        return self._dimensions

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a question, shape (dimensions,)."""
        vector: NDArray[np.float32] = self._request([text], is_question=True)[0]
        return vector

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of passages in their order, shape (len(texts), dimensions)."""
        import numpy as np

        if not texts:
            return np.empty((0, self.dimensions), dtype=np.float32)
        starts = range(0, len(texts), BATCH_TEXTS)
        return np.concatenate(
            [self._request(texts[start : start + BATCH_TEXTS], is_question=False) for start in starts]
        )

    def _request(self, texts: Sequence[str], *, is_question: bool) -> NDArray[np.float32]:
        # Servers refuse an empty input; a blank passage is still owed a vector.
        inputs = [text if text.strip() else "-" for text in texts]
        answer = self._post(inputs, is_question=is_question)
        if self._on_usage is not None:  # whatever becomes of the answer, it was paid for
            tokens = tokens_used(answer, inputs)
            self._on_usage(self.name, texts=len(inputs), tokens=tokens, is_question=is_question)
        vectors = _vectors(answer, len(texts))
        if self._dimensions is None:
            self._dimensions = vectors.shape[1]
        elif vectors.shape[1] != self._dimensions:
            raise EmbeddingError(
                f"{self.name} answered {vectors.shape[1]} dimensions, {self._dimensions} before.",
                retryable=False,
            )
        return vectors

    def _post(self, inputs: Sequence[str], *, is_question: bool) -> object:
        """Return the parsed JSON of the answer.

        What a server says of a failure is for the log alone: it may quote what it was sent, or its own secrets. The
        error, which admins see beside a run or a model, has the status or the kind.
        """
        body = self._dialect.body(self.name, inputs, is_question)
        patience = self._for_questions if is_question else self._for_passages
        for attempt in range(1, patience.attempts + 1):
            asked_wait_s = None
            if self._pace is not None:  # the server counts every attempt
                self._pace.take(tokens=estimate_tokens(inputs), is_question=is_question)
            try:
                response = self._client.post(self._endpoint, json=body, timeout=patience.timeout)
                if response.status_code == 200:
                    return response.json()
                problem, details = f"status {response.status_code}", response.text[:200]
                if response.status_code not in _RETRYABLE_STATUS:
                    logger.error("%s answered %s: %r", self._shown, problem, details)
                    raise EmbeddingError(f"{self._shown} answered {problem}", retryable=False)
                asked_wait_s = _retry_after_s(response)
            except httpx2.HTTPError as error:
                problem, details = type(error).__name__, str(error)
            except ValueError as error:  # a body cut short, or a proxy's page with status 200
                problem, details = "no JSON", str(error)
            if attempt < patience.attempts:
                self._sleep(_wait_s(attempt, asked_wait_s, patience.longest_wait_s))
        logger.error("%s failed, last with %s: %r", self._shown, problem, details)
        raise EmbeddingError(
            f"{self._shown} failed {patience.attempts} times, last with {problem}", retryable=True
        )


def _endpoint(url: str) -> str:
    url = url.rstrip("/")
    if url.endswith("/embeddings"):
        return url
    return f"{url}/embeddings" if url.endswith("/v1") else f"{url}/v1/embeddings"


def _retry_after_s(response: httpx2.Response) -> float | None:
    try:
        return float(response.headers["retry-after"])
    except (KeyError, ValueError):  # absent, or a date: the backoff serves as well
        return None


def _wait_s(attempt: int, asked_wait_s: float | None, longest_s: float) -> float:
    if asked_wait_s is not None and asked_wait_s >= 0:
        return min(asked_wait_s, longest_s)
    return random.uniform(0, min(FIRST_WAIT_S * 2**attempt, longest_s))


def _vectors(answer: object, count: int) -> NDArray[np.float32]:
    """Return the vectors of an answer, ordered by their `index`, each divided by its length."""
    import numpy as np

    try:
        rows = sorted(answer["data"], key=lambda row: row["index"])  # type: ignore[index]
        indexes = [row["index"] for row in rows]
        vectors: NDArray[np.float32] = np.array([row["embedding"] for row in rows], dtype=np.float32)
    except (KeyError, TypeError, ValueError) as error:
        logger.error("An embedding server's answer has another form: %r", error)
        raise EmbeddingError("The embedding server's answer has another form.", retryable=False) from error
    if indexes != list(range(count)) or vectors.ndim != 2:
        raise EmbeddingError(f"{count} texts were sent, {len(indexes)} vectors came back.", retryable=False)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and lengths.all()):
        raise EmbeddingError("The embedding server answered a vector without a direction.", retryable=False)
    vectors /= lengths
    return vectors
