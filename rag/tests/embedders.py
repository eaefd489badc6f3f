"""Embedders whose vectors a test can compute by hand."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rag.embeddings import EmbeddingError


class ScriptedEmbedder:
    """Texts that contain a key get its vector (the first key that fits), others the last unit vector."""

    def __init__(
        self,
        vectors: Mapping[str, Sequence[float]] | None = None,
        *,
        name: str = "scripted",
        dimensions: int = 3,
        batch_texts: int = 16,
    ):
        self.name = name
        self.dimensions, self.batch_texts = dimensions, batch_texts
        self.vectors = dict(vectors or {})
        self.embedded: list[str] = []
        self.failures: list[EmbeddingError] = []

    def embed_query(self, text: str) -> NDArray[np.float32]:
        return self._vector(text)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.failures:
            raise self.failures.pop(0)
        self.embedded.extend(texts)
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> NDArray[np.float32]:
        chosen = next(
            (vector for key, vector in self.vectors.items() if key in text), self._last_unit_vector()
        )
        vector = np.array(chosen, dtype=np.float32)
        unit: NDArray[np.float32] = vector / np.linalg.norm(vector)
        return unit

    def _last_unit_vector(self) -> list[float]:
        return [0.0] * (self.dimensions - 1) + [1.0]
