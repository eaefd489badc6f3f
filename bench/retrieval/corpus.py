"""A synthetic corpus whose words and vectors behave like those of real text, and questions about it. Pure.

Words follow Zipf's law, half of them from the vocabulary of the chunk's topic. A vector is its topic's, moved within a
space of few dimensions, as embeddings of text are: isotropic noise would make all neighbours equally far. The same seed
gives the same corpus, block by block.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 384
BLOCK_CHUNKS = 5_000
WORDS_PER_CHUNK = 100
DOCUMENT_CHUNKS = 20
COLLECTIONS = 100
TOPICAL = range(90, 100)  # these collections are of ten neighbouring topics
_WORDS, _TOPICS, _TOPIC_WORDS, _LATENT = 50_000, 200, 1_500, 24
_QUESTIONS_PER_BLOCK, _QUESTION_WORDS = 60, 6
# By their frequency in English. Words of syllables would be much more alike than words of a language are, and a search
# looks for what an unknown word may have been meant to be.
_LETTERS = (
    "eeeeeeeeeeeetttttttttaaaaaaaaooooooooiiiiiiinnnnnnnsssssshhhhhhrrrrrrddddlllcccuuummmwwffggyyppbbvkjxqz"
)
_LENGTHS = range(4, 11)
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive chunks: texts, vectors of length 1 (chunks x DIMENSIONS), and the number of each one's collection."""

    first: int
    texts: list[str]
    vectors: Floats
    collections: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Question:
    """Words of a chunk and a vector near its own."""

    text: str
    vector: Floats


class Corpus:
    """`chunks` chunks in documents of DOCUMENT_CHUNKS, each document of one topic and one collection."""

    def __init__(self, chunks: int, *, seed: int = 7) -> None:
        self.chunks = chunks
        self._dice = np.random.default_rng(seed)
        letters = np.array(list(_LETTERS))[self._dice.integers(0, len(_LETTERS), (_WORDS, max(_LENGTHS)))]
        lengths = self._dice.integers(min(_LENGTHS), max(_LENGTHS) + 1, _WORDS)
        words = zip(letters, lengths, strict=True)
        self._vocabulary = np.array(["".join(row[:length]) for row, length in words])
        self._topic_words = self._dice.integers(0, _WORDS, (_TOPICS, _TOPIC_WORDS))
        self._centres = _unit(self._dice.standard_normal((_TOPICS, DIMENSIONS)))
        self._plane = self._dice.standard_normal((_LATENT, DIMENSIONS))
        self._common, self._topical = _zipf(_WORDS), _zipf(_TOPIC_WORDS)
        self.questions: list[Question] = []

    def blocks(self) -> Iterator[Block]:
        """All chunks in order; `questions` grows meanwhile. To be read once."""
        for first in range(0, self.chunks, BLOCK_CHUNKS):
            yield self._block(first, min(BLOCK_CHUNKS, self.chunks - first))

    def _block(self, first: int, count: int) -> Block:
        documents = (first + np.arange(count)) // DOCUMENT_CHUNKS
        collections = documents % COLLECTIONS
        of_document = self._dice.integers(0, _TOPICS, documents.max() - documents.min() + 1)
        topics = of_document[documents - documents.min()]
        topics = np.where(np.isin(collections, TOPICAL), topics % 10, topics)
        words = self._words_of(topics)
        vectors = self._near(self._centres[topics], 0.9)
        texts = [" ".join(row) for row in self._vocabulary[words]]
        for place in self._dice.integers(0, count, _QUESTIONS_PER_BLOCK):
            chosen = self._vocabulary[self._dice.choice(words[place], _QUESTION_WORDS, replace=False)]
            self.questions.append(Question(" ".join(chosen), self._near(vectors[place : place + 1], 0.5)[0]))
        return Block(first, texts, vectors, collections)

    def _words_of(self, topics: NDArray[np.int64]) -> NDArray[np.int64]:
        """Word numbers, a row for each chunk."""
        shape = (len(topics), WORDS_PER_CHUNK)
        common = np.searchsorted(self._common, self._dice.random(shape))
        ranks = np.searchsorted(self._topical, self._dice.random(shape))
        return np.where(self._dice.random(shape) < 0.5, common, self._topic_words[topics[:, None], ranks])

    def _near(self, vectors: Any, distance: float) -> Floats:
        """Each vector moved by so much in the few dimensions, and a little in all."""
        count = len(vectors)
        moved = _unit(self._dice.standard_normal((count, _LATENT)) @ self._plane) * distance
        noise = _unit(self._dice.standard_normal((count, DIMENSIONS))) * distance / 5
        return _unit(vectors + moved + noise)


def _zipf(count: int) -> NDArray[np.float64]:
    """Cumulative probabilities of ranks 0 to count - 1 (Zipf-Mandelbrot with 2.7 and 1.07)."""
    weights = 1 / (np.arange(count) + 2.7) ** 1.07
    return np.cumsum(weights / weights.sum()).clip(max=1.0)


def _unit(vectors: Any) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Floats = (vectors / lengths).astype(np.float32)
    return unit
