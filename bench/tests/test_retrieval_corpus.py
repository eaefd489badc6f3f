"""The synthetic corpus that search is measured on."""

import numpy as np
import pytest

from bench.retrieval.corpus import BLOCK_CHUNKS, DIMENSIONS, DOCUMENT_CHUNKS, WORDS_PER_CHUNK, Corpus


@pytest.fixture(scope="module")
def blocks():
    return list(Corpus(BLOCK_CHUNKS + 40).blocks())


def test_blocks_are_all_chunks_in_order(blocks):
    assert [(block.first, len(block.texts)) for block in blocks] == [(0, BLOCK_CHUNKS), (BLOCK_CHUNKS, 40)]
    assert all(len(text.split()) == WORDS_PER_CHUNK for text in blocks[1].texts)


def test_vectors_have_length_one_and_those_of_a_document_are_near_each_other(blocks):
    vectors = blocks[0].vectors

    assert vectors.shape == (BLOCK_CHUNKS, DIMENSIONS) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    document = vectors[:DOCUMENT_CHUNKS]
    others = vectors[DOCUMENT_CHUNKS * 10 : DOCUMENT_CHUNKS * 11]
    assert (document @ document.T).mean() > (document @ others.T).mean() + 0.2


def test_a_document_lies_in_one_collection(blocks):
    collections = blocks[0].collections

    assert all(len(set(collections[n : n + DOCUMENT_CHUNKS])) == 1 for n in range(0, 200, DOCUMENT_CHUNKS))
    assert set(collections) == set(range(100))


def test_the_same_seed_gives_the_same_corpus_and_questions():
    one, same, other = Corpus(200), Corpus(200), Corpus(200, seed=8)
    [a], [b], [c] = (list(corpus.blocks()) for corpus in (one, same, other))

    assert a.texts == b.texts and np.array_equal(a.vectors, b.vectors)
    assert [question.text for question in one.questions] == [question.text for question in same.questions]
    assert a.texts != c.texts


def test_a_question_has_words_and_the_direction_of_its_chunk():
    corpus = Corpus(200)
    [block] = corpus.blocks()
    question = corpus.questions[0]

    best = int(np.argmax(block.vectors @ question.vector))
    holders = [n for n, text in enumerate(block.texts) if set(question.text.split()) <= set(text.split())]

    assert float(block.vectors[best] @ question.vector) > 0.7
    assert holders
