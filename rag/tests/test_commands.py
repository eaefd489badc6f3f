"""The commands that fill collections and measure the search, as a person runs them."""

import io
import json
from ipaddress import ip_network

import pytest
from django.core.management import CommandError, call_command

from rag.models import Collection, Document, EmbeddingModel
from rag.retrieval.search import Audience, search
from rag.tests.library import make_user
from rag.tests.web_server import page, serving

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("storage_folder")]


@pytest.fixture
def ada():
    return make_user("ada", is_superuser=True)


def run(*arguments: object) -> tuple[str, str, str]:
    """What a command wrote on stdout and stderr, and the message it failed with ("" for success)."""
    out, errors, problem = io.StringIO(), io.StringIO(), ""
    try:
        call_command(*map(str, arguments), stdout=out, stderr=errors)
    except CommandError as error:
        problem = str(error)
    return out.getvalue(), errors.getvalue(), problem


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "handbook"
    (folder / "deep").mkdir(parents=True)
    (folder / "pumps.md").write_text("# Pumps\n\nThe hydraulic pump must stay below six bar.")
    (folder / "deep" / "whales.txt").write_text("Whales sing in the deep sea.")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    (folder / ".hidden.txt").write_text("Not for the index.")
    return folder


def sources() -> dict[str, str]:
    return dict(Document.objects.values_list("source", "status"))


def test_a_folder_is_ingested_with_the_local_embedder_and_again_without_work(ada, folder):
    out, errors, problem = run("ingest", folder, "--collection", "Handbook")

    assert (problem, sources()) == ("", {"handbook/pumps.md": "ready", "handbook/deep/whales.txt": "ready"})
    assert "2 READY, 0 FAILED" in out
    assert "1 skipped, since nothing reads files of their type:\n  handbook/picture.png\n" in out
    assert Collection.objects.get(name="Handbook").everyone
    assert EmbeddingModel.objects.get().dimensions == 384
    [best, *_] = search(Audience.of_user(ada), "how much pressure may the machine have?")
    assert best.document_title == "Pumps" and best.cosine is not None

    again, _, problem = run("ingest", folder, "--collection", "handbook")
    assert problem == "" and "2 unchanged." in again
    assert Document.objects.count() == 2 and Collection.objects.count() == 1


def test_a_page_of_the_web_is_ingested_by_its_url(ada, settings):
    with serving() as server:
        settings.CRAWL_PORTS, settings.CRAWL_ALLOWED_NETWORKS = [server.port], [ip_network("127.0.0.1")]
        server.answers["/pumps"] = page("<h1>Pumps</h1><p>The pump must stay below six bar.</p>")

        _, _, problem = run("ingest", server.url("/pumps"), "--collection", "Handbook")
        _, errors, failed = run(
            "ingest", server.url("/none"), "ftp://example.org/", "--collection", "Handbook"
        )

    assert (problem, sources()[server.url("/pumps")]) == ("", "ready")
    assert "there is no such file" in failed and errors == ""


def test_a_changed_file_replaces_the_old_one(ada, folder):
    run("ingest", folder, "--collection", "Handbook")
    (folder / "pumps.md").write_text("# Pumps\n\nThe limit is seven bar now.")

    assert run("ingest", folder, "--collection", "Handbook")[2] == ""

    assert len(sources()) == Document.objects.count() == 2
    assert search(Audience.of_user(ada), "hydraulic limit")[0].text.endswith("seven bar now.")


def test_failures_are_told_with_their_reasons_and_end_with_an_error(ada, folder):
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7\nnot really")
    (folder / "empty.txt").write_text("")

    out, errors, problem = run(
        "ingest", folder, folder / "picture.png", "--collection", "Handbook", "--private"
    )

    assert "FAILED handbook/broken.pdf: The file is damaged" in errors
    assert "empty.txt" in errors and "FAILED picture.png" in errors
    assert problem
    assert sources()["handbook/pumps.md"] == "ready"
    assert not Collection.objects.get(name="Handbook").everyone


def test_a_path_that_is_not_there_and_a_missing_administrator_are_told(tmp_path):
    assert "there is no such file" in run("ingest", tmp_path / "nowhere", "--collection", "x")[2]
    (tmp_path / "a.txt").write_text("words")
    assert "createsuperuser" in run("ingest", tmp_path / "a.txt", "--collection", "x")[2]
    assert "no active user" in run("ingest", tmp_path / "a.txt", "--collection", "x", "--owner", "nobody")[2]


def test_a_corpus_is_loaded_once_and_questions_are_ranked_by_document(ada, tmp_path):
    lines = [
        {
            "id": "d1",
            "title": "Pumps",
            "text": "The hydraulic pump must stay below six bar.\n\n" + "More on it. " * 200,
        },
        {"id": "d2", "title": "", "text": "Whales sing in the deep sea."},
    ]
    corpus, queries, out = (tmp_path / name for name in ("corpus.jsonl", "queries.jsonl", "out.tsv"))
    corpus.write_text("".join(json.dumps(line) + "\n" for line in lines))
    queries.write_text(json.dumps({"id": "q1", "text": "which animals make music?"}) + "\n")

    for _ in range(2):
        assert run("retrieval", "load", corpus, "--collection", "corpus")[2] == ""
    assert run("retrieval", "run", queries, out, "--collection", "corpus", "--top", "5")[2] == ""

    assert sources() == {"d1": "ready", "d2": "ready"}
    rows = [line.split("\t") for line in out.read_text().splitlines()]
    assert [row[:3] for row in rows] == [["q1", "d2", "1"], ["q1", "d1", "2"]]
    assert float(rows[0][3]) > float(rows[1][3])


@pytest.mark.parametrize("line", ["not json", "[]", '{"id": 1}', '{"id": 1, "text": " "}'])
def test_a_corpus_with_a_wrong_line_names_it(ada, tmp_path, line):
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(line + "\n")

    problem = run("retrieval", "load", corpus, "--collection", "corpus")[2]

    assert str(corpus) in problem


def test_questions_for_a_collection_that_is_not_there_are_refused(ada, tmp_path):
    (tmp_path / "q.jsonl").write_text("")

    assert (
        "no collection"
        in run("retrieval", "run", tmp_path / "q.jsonl", tmp_path / "out", "--collection", "x")[2]
    )
