"""What an embedder is to the rest of the program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class EmbeddingError(Exception):
    """Texts could not be embedded.

    Attributes:
        retryable: the same call may succeed later (overload, network); False where a person must act.
    """

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class Embedder(Protocol):
    """Turns texts into vectors whose inner product is the similarity of their meaning.

    Every vector is float32 and of length 1. Methods block (for long, when there are many texts): call them
    off the event loop. They may be called from several threads at once, and raise EmbeddingError.
    """

    @property
    def name(self) -> str:
        """Identifies the model; vectors of different names must never be compared."""
        ...

    @property
    def dimensions(self) -> int:
        """Number of components of each vector."""
        ...

    @property
    def batch_texts(self) -> int:
        """How many passages are best given at a time: a full request, or what takes well under a second."""
        ...

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of a question, shape (dimensions,)."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of passages in their order, shape (len(texts), dimensions)."""
        ...
