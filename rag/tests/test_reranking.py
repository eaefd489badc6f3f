"""A second look at passages by a model, and what happens without its answer."""

import json

import pytest

from rag.retrieval.reranking import MOST_RERANKED, RemoteReranker, RerankingError, configured_reranker, rerank
from rag.retrieval.search import Audience, search, search_passages
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.embedding_server import embedding_server
from rag.tests.library import make_collection, make_user
from rag.tests.passages import COFFEE, EXPIRY, LEAVE, PASSAGES, make_passage


@pytest.fixture
def server():
    with embedding_server() as running:
        yield running


@pytest.fixture
def remote(server):
    reranker = RemoteReranker(url=f"{server.url}/v2/rerank", model="judge", api_key="k-1")
    yield reranker
    reranker.close()


def by_length(name: str = "results"):
    """A reply that thinks most of the longest text, the judgements in no order."""

    def reply(body):
        rows = [{"index": n, "relevance_score": len(text) / 1000} for n, text in enumerate(body["documents"])]
        return 200, {}, json.dumps({name: rows[::-1]}).encode()

    return reply


class Scripted:
    """Judges by how often the word machine occurs."""

    def __init__(self):
        self.asked = []

    def judge(self, question, texts):
        self.asked.append((question, list(texts)))
        return [float(text.lower().count("machine")) for text in texts]


class Broken:
    def judge(self, question, texts):
        raise RerankingError("is down")


@pytest.mark.parametrize("name", ["results", "data"])
def test_a_server_is_asked_once_and_its_judgements_come_in_the_order_of_the_texts(server, remote, name):
    server.script = [by_length(name)]

    assert remote.judge("how long?", ["aaa", "b", "cc"]) == [0.003, 0.001, 0.002]

    [(path, headers, body)] = server.requests
    assert path == "/v2/rerank" and headers["authorization"] == "Bearer k-1"
    assert body == {"model": "judge", "query": "how long?", "documents": ["aaa", "b", "cc"]}


@pytest.mark.parametrize(
    "reply",
    [
        (500, {}, b"{}"),
        (401, {}, b"no"),
        (200, {}, b"<html>"),
        (200, {}, b"[]"),
        (200, {}, b'{"results": [{"index": 0, "relevance_score": 1}]}'),
        (200, {}, b'{"results": [{"index": "x", "relevance_score": 1}]}'),
        (200, {}, b'{"results": [{"index": Infinity, "relevance_score": 1}]}'),
        (200, {}, b'{"results": 7}'),
        (200, {}, b'{"data": [{"index": 0, "relevance_score": NaN}, {"index": 1, "relevance_score": 1}]}'),
    ],
)
def test_an_answer_that_does_not_judge_every_text_is_an_error_without_the_key(server, remote, reply):
    server.script = [reply]

    with pytest.raises(RerankingError) as error:
        remote.judge("q", ["a", "b"])
    assert "k-1" not in str(error.value)


def test_a_server_that_is_not_there_is_an_error():
    with embedding_server() as gone:
        url = gone.url
    reranker = RemoteReranker(url=url, model="judge")

    with pytest.raises(RerankingError):
        reranker.judge("q", ["a"])
    reranker.close()


def test_passages_are_ordered_by_the_judgement_which_is_their_score():
    judge = Scripted()

    passages = rerank("coffee?", PASSAGES, judge)

    assert [(passage.text, passage.score) for passage in passages] == [
        (COFFEE, 1.0),
        (LEAVE, 0.0),
        (EXPIRY, 0.0),
    ]
    [(question, texts)] = judge.asked
    assert question == "coffee?" and texts[0] == f"Handbook 1\nWork › Leave\n{LEAVE}"


def test_without_an_answer_the_order_stays_and_the_log_says_why(caplog):
    assert rerank("coffee?", PASSAGES, Broken()) == list(PASSAGES)
    assert "is down" in caplog.text


def test_no_more_than_a_hundred_are_judged_and_nothing_is_not_sent():
    judge = Scripted()

    assert len(rerank("q", [make_passage(LEAVE, n) for n in range(1, 200)], judge)) == MOST_RERANKED
    assert rerank("q", [], judge) == [] and len(judge.asked) == 1


def test_it_is_off_unless_an_address_is_set(settings):
    assert configured_reranker() is None

    settings.RERANKER_URL, settings.RERANKER_MODEL = "http://127.0.0.1:9/rerank", "judge"
    assert configured_reranker() is configured_reranker() is not None


@pytest.mark.django_db
def test_searches_for_the_assistant_and_for_people_ask_it(settings, server):
    make_collection(make_user("ada"), "c", "pump", "pump and much else about gardens", "pump one")
    settings.RERANKER_URL, settings.RERANKER_MODEL = f"{server.url}/rerank", "judge"
    server.script = [by_length(), by_length(), (503, {}, b"")]
    longest_first = ["pump and much else about gardens", "pump one", "pump"]

    found = search(Audience.everything(), "pump", top_k=2, embedder=ScriptedEmbedder())
    shown = search_passages(Audience.everything(), "pump", embedder=ScriptedEmbedder()).passages
    without = search(Audience.everything(), "pump", embedder=ScriptedEmbedder())

    assert [passage.text for passage in found] == longest_first[:2]
    assert [passage.text for passage in shown] == longest_first
    assert sorted(passage.text for passage in without) == sorted(longest_first)
    assert len(server.requests) == 3
