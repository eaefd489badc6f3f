"""From upload to READY with real files, and what happens when it is interrupted."""

import io
import threading

import pytest
from django.db import connection, connections
from procrastinate.contrib.django.models import ProcrastinateJob

from rag.actions import create_collection, processing, upload_document
from rag.embeddings import EmbeddingError
from rag.ingestion import flow
from rag.models import (
    Chunk,
    CollectionStatistic,
    CorpusStatistic,
    Document,
    DocumentText,
    Embedding,
    Lexeme,
    LexicalVector,
)
from rag.retrieval.search import Audience, search
from rag.tests import documents as builders
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.library import make_user, process, upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage_folder")]


@pytest.fixture
def ada():
    return make_user("ada")


@pytest.fixture
def collection(ada):
    return create_collection(ada, name="Handbook")


def upload_path(ada, collection, path) -> Document:
    with path.open("rb") as file:
        return upload_document(ada, collection_id=collection.pk, file=file, filename=path.name)


def assert_counts_are_exact() -> None:
    """Compare the kept counts with counting."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM rag_lexeme l LEFT JOIN (SELECT t AS id, count(*) AS n FROM rag_lexicalvector,"
            " unnest(rag_term_ids(weights)) AS t GROUP BY t) x ON x.id = l.id WHERE l.frequency <> coalesce(x.n, 0)"
        )
        assert cursor.fetchone() == (0,)
    vectors = LexicalVector.objects.count()
    assert vectors == Chunk.objects.count()
    assert sum(CollectionStatistic.objects.values_list("chunk_count", flat=True)) == vectors
    assert sum(CorpusStatistic.objects.values_list("chunk_count", flat=True)) == vectors


def queued_tasks() -> list[tuple[str, int]]:
    jobs = ProcrastinateJob.objects.filter(status="todo").order_by("id")
    return [(job.task_name, job.args["document_id"]) for job in jobs]


PUMPS = "The hydraulic pump must stay below six bar."


def write_html(path):
    path.write_text(
        f"<html><head><title>Own title</title></head><body><h1>Pumps</h1><p>{PUMPS}</p></body></html>"
    )
    return path


def write_text(path):
    path.write_text(PUMPS if path.suffix == ".txt" else f"# Pumps\n\n{PUMPS}\n")
    return path


FORMATS = {
    "manual.pdf": lambda path: builders.write_pdf(
        path, [[PUMPS], ["Second page of the manual."]], title="Own title"
    ),
    "manual.docx": lambda path: builders.write_docx(path, [("Heading 1", "Pumps"), PUMPS], title="Own title"),
    "manual.html": write_html,
    "manual.md": write_text,
    "manual.txt": write_text,
}


@pytest.mark.parametrize("filename", FORMATS)
def test_a_file_becomes_passages_that_are_found(ada, collection, tmp_path, filename):
    document = upload_path(ada, collection, FORMATS[filename](tmp_path / filename))
    assert document.status == Document.Status.QUEUED
    assert queued_tasks() == [("rag.ingest_document", document.pk)]

    flow.ingest_document(document.pk)
    document.refresh_from_db()
    assert document.status == Document.Status.EMBEDDING and document.searchable_at is not None
    assert queued_tasks()[1:] == [("rag.embed_document", document.pk)]
    [passage, *_] = search(Audience.of_user(ada), "hydraulic pump", embedder=ScriptedEmbedder())
    assert PUMPS in passage.text and passage.document_id == document.pk

    assert flow.embed_document(document.pk, embedder=ScriptedEmbedder())
    document.refresh_from_db()
    assert document.status == Document.Status.READY and document.ready_at is not None
    assert document.embedded_count == document.chunk_count == Chunk.objects.count() > 0
    text = DocumentText.objects.get().text
    assert all(chunk.text == text[chunk.start : chunk.end] for chunk in Chunk.objects.all())
    assert_counts_are_exact()


def test_a_pdf_keeps_pages_and_takes_its_own_title(ada, collection, tmp_path):
    document = process(upload_path(ada, collection, FORMATS["manual.pdf"](tmp_path / "manual.pdf")))

    assert (document.title, document.page_count) == ("Own title", 2)
    assert [(chunk.page, chunk.page_end) for chunk in document.chunks.order_by("ordinal")][-1][1] == 2


def test_the_language_of_a_document_is_kept_with_it(ada, collection):
    english = process(
        upload(ada, collection, "The pump is below six bar and the valve is open.", filename="a.txt")
    )
    german = process(
        upload(ada, collection, "Die Pumpe ist unter sechs Bar und das Ventil ist auf.", filename="b.txt")
    )
    unknown = process(upload(ada, collection, "1 2 3 four", filename="c.txt"))

    assert [one.language for one in (english, german, unknown)] == ["en", "de", ""]


def test_a_title_that_was_given_stays(ada, collection, tmp_path):
    path = FORMATS["manual.html"](tmp_path / "manual.html")
    with path.open("rb") as file:
        document = upload_document(
            ada, collection_id=collection.pk, file=file, filename=path.name, title="Given"
        )

    assert process(document).title == "Given"


@pytest.mark.parametrize(
    ("write", "filename", "code"),
    [
        (builders.write_encrypted_pdf, "secret.pdf", "ENCRYPTED"),
        (builders.write_scanned_pdf, "scan.pdf", "NO_TEXT"),
        (lambda path: path.write_bytes(b"%PDF-1.7\nnot really"), "broken.pdf", "CORRUPT"),
        (lambda path: path.write_text(" \n \n"), "blank.txt", "NO_TEXT"),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_the_reason(ada, collection, tmp_path, write, filename, code):
    path = tmp_path / filename
    write(path)

    document = process(upload_path(ada, collection, path))

    assert (document.status, document.error_code) == (Document.Status.FAILED, code)
    assert document.error_message.endswith(".")
    assert document.chunk_count == Chunk.objects.count() == 0


def test_a_missing_file_fails_with_the_reason(ada, collection, storage_folder):
    document = upload(ada, collection, PUMPS)
    (storage_folder / document.file.name).unlink()

    assert process(document).error_code == "NO_FILE"


def test_a_storage_without_paths_serves_as_well(ada, collection, settings):
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    }

    document = process(upload(ada, collection, PUMPS))

    assert (document.status, document.error_message) == (Document.Status.READY, "")


def test_each_job_may_run_twice(ada, collection):
    document = upload(ada, collection, PUMPS)

    for _ in range(2):
        flow.ingest_document(document.pk)
    embedder = ScriptedEmbedder()
    for _ in range(2):
        flow.embed_document(document.pk, embedder=embedder)

    document.refresh_from_db()
    assert document.status == Document.Status.READY
    assert len(embedder.embedded) == Embedding.objects.count() == 1
    assert_counts_are_exact()


def test_a_job_killed_while_parsing_begins_anew(ada, collection):
    document = upload(ada, collection, PUMPS)
    processing.begin_parsing(document.pk)

    assert process(document).status == Document.Status.READY
    assert_counts_are_exact()


def test_a_job_killed_between_two_batches_of_chunks_begins_anew(ada, collection, monkeypatch):
    monkeypatch.setattr(processing, "CHUNKS_PER_TRANSACTION", 1)
    document = upload(
        ada,
        collection,
        "\n\n".join(f"# Part {n}\n\n{'pump words here ' * 60}." for n in range(3)),
        filename="a.md",
    )
    index = processing.index_text

    def killed(document, text, chunks, *, first):
        if first == 2:
            raise KeyboardInterrupt
        index(document, text, chunks, first=first)

    monkeypatch.setattr(processing, "index_text", killed)
    with pytest.raises(KeyboardInterrupt):
        flow.ingest_document(document.pk)
    document.refresh_from_db()
    assert (document.status, document.chunk_count) == (Document.Status.PARSING, 2)
    monkeypatch.undo()

    process(document)

    document.refresh_from_db()
    assert document.status == Document.Status.READY and document.chunk_count == document.chunks.count() > 2
    assert_counts_are_exact()


def test_a_worker_that_was_overtaken_stops(ada, collection):
    document = upload(ada, collection, PUMPS)
    processing.begin_parsing(document.pk)
    process(document)

    stored = processing.store_text(document.pk, "x", [], title="", page_count=None)

    assert stored  # nothing to store
    from rag.ingestion.chunking import ChunkSpan

    assert not processing.store_text(
        document.pk, "x", [ChunkSpan(0, 0, 1, None, None, "")], title="", page_count=None
    )
    assert DocumentText.objects.get().text == PUMPS


def long_text(parts: int) -> str:
    return "\n\n".join(
        f"# Part {n}\n\n" + f"Section {n} tells of pumps and of valves. " * 25 for n in range(parts)
    )


def test_embedding_continues_where_it_was_interrupted(ada, collection):
    document = upload(ada, collection, long_text(5), filename="long.md")
    flow.ingest_document(document.pk)
    embedder = ScriptedEmbedder(batch_texts=2)
    answers = iter([False, True])

    finished = flow.embed_document(document.pk, embedder=embedder, should_stop=lambda: next(answers))

    document.refresh_from_db()
    assert not finished
    assert (document.status, document.embedded_count) == (Document.Status.EMBEDDING, 2)
    assert queued_tasks()[-1] == ("rag.embed_document", document.pk)

    assert flow.embed_document(document.pk, embedder=embedder)
    document.refresh_from_db()
    assert document.status == Document.Status.READY
    assert len(embedder.embedded) == document.chunk_count == document.embedded_count > 2


def test_an_embedder_that_is_down_keeps_the_words_and_is_asked_again(ada, collection):
    document = upload(ada, collection, PUMPS)
    flow.ingest_document(document.pk)
    embedder = ScriptedEmbedder()
    embedder.failures = [EmbeddingError("server is down", retryable=True)]

    with pytest.raises(EmbeddingError):
        flow.embed_document(document.pk, embedder=embedder)
    document.refresh_from_db()
    assert document.status == Document.Status.EMBEDDING
    assert search(Audience.of_user(ada), "pump", embedder=ScriptedEmbedder())

    flow.embed_document(document.pk, embedder=embedder)
    document.refresh_from_db()
    assert document.status == Document.Status.READY


def test_an_embedder_that_refuses_fails_the_document_and_leaves_no_trace_in_the_index(
    ada, collection, caplog
):
    document = upload(ada, collection, PUMPS)
    flow.ingest_document(document.pk)
    embedder = ScriptedEmbedder()
    embedder.failures = [EmbeddingError("the key is wrong", retryable=False)]

    flow.embed_document(document.pk, embedder=embedder)

    document.refresh_from_db()
    assert (document.status, document.error_code) == (Document.Status.FAILED, "EMBEDDING_FAILED")
    assert document.error_message == flow.NO_VECTORS  # and not the server's words, which the log has
    assert "the key is wrong" in caplog.text
    assert not Lexeme.objects.filter(frequency__gt=0).exists()
    assert_counts_are_exact()


def test_title_and_heading_are_embedded_with_the_words(ada, collection):
    embedder = ScriptedEmbedder()

    process(upload(ada, collection, f"# Pumps\n\n{PUMPS}", filename="manual.md", title="Manual"), embedder)

    [text] = embedder.embedded
    assert text.startswith("Manual\nPumps\n") and text.endswith(PUMPS)


def test_a_document_deleted_meanwhile_ends_its_jobs(ada, collection):
    document = upload(ada, collection, PUMPS)
    flow.ingest_document(document.pk)
    from rag.actions import delete_document

    delete_document(ada, document_id=document.pk)

    assert flow.embed_document(document.pk, embedder=ScriptedEmbedder())
    flow.ingest_document(document.pk)
    assert not Document.objects.exists() and not Chunk.objects.exists()
    assert_counts_are_exact()


@pytest.mark.django_db(transaction=True)
def test_documents_with_the_same_words_can_be_indexed_at_once(ada, collection):
    """Both lists of words overlap and are met in opposite order: locks in any other than one order would deadlock."""
    words = [f"word{n:03}" for n in range(300)]
    texts = [" ".join(words[n : n + 110]) + f" own{n}" for n in range(0, 100, 10)]
    queued = [upload(ada, collection, text, filename=f"{n}.txt") for n, text in enumerate(texts)]
    errors: list[Exception] = []

    def ingest(documents):
        try:
            for document in documents:
                flow.ingest_document(document.pk)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=ingest, args=[queued[0::2]]),
        threading.Thread(target=ingest, args=[queued[:0:-2]]),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert Document.objects.filter(status="embedding").count() == 10
    assert Lexeme.objects.get(lexeme="word100").frequency == 10
    assert_counts_are_exact()


def test_deleting_rows_by_cascade_keeps_the_counts(ada, collection):
    process(upload(ada, collection, PUMPS))
    process(upload(ada, collection, PUMPS + " Again.", filename="b.txt"))

    collection.documents.first().delete()
    assert_counts_are_exact()
    assert Lexeme.objects.get(lexeme="hydraul").frequency == 1

    collection.delete()
    assert_counts_are_exact()


def test_upload_takes_any_seekable_file(ada, collection):
    document = upload_document(
        ada, collection_id=collection.pk, file=io.BytesIO(PUMPS.encode()), filename="x.txt"
    )

    assert document.size_bytes == len(PUMPS)


def section(name, words):
    return f"<h1>{name}</h1><p>{' '.join(f'{words} {n}.' for n in range(60))}</p>"


def test_a_new_version_embeds_only_what_changed_and_takes_the_place_of_the_old_one(ada, collection):
    pumps, valves, doors = (section(name, name.lower()) for name in ("Pumps", "Valves", "Doors"))
    embedder = ScriptedEmbedder()
    old = process(upload(ada, collection, pumps + valves, filename="manual.html", source="manual"), embedder)
    made = len(embedder.embedded)

    new = process(
        upload(ada, collection, pumps + doors, filename="manual.html", source="manual", replace=True),
        embedder,
    )

    assert made == old.chunk_count and new.status == Document.Status.READY
    again = embedder.embedded[made:]
    assert again and all("doors" in text for text in again)
    assert len(again) < new.chunk_count == Embedding.objects.count()
    assert not Document.objects.filter(pk=old.pk).exists()
    assert_counts_are_exact()


@pytest.mark.parametrize("failed", [True, False])
def test_a_version_that_was_uploaded_before_it_was_to_replace_the_older_one_does_so(ada, collection, failed):
    process(upload(ada, collection, "Old words.", source="manual"))
    new = upload(ada, collection, "New words.", source="manual")
    if failed:
        Document.objects.filter(pk=new.pk).update(status="failed", error_code="INTERNAL", error_message="x")
    assert upload(ada, collection, "New words.", source="manual", replace=True).pk == new.pk
    process(new)
    assert list(Document.objects.values_list("pk", flat=True)) == [new.pk]


def test_the_old_version_is_found_until_the_new_one_is_ready(ada, collection):
    old = process(upload(ada, collection, "Old words.", source="manual"))
    new = upload(ada, collection, "New words.", source="manual", replace=True)

    flow.ingest_document(new.pk)
    assert Document.objects.filter(pk=old.pk).exists()
    processing.fail_document(new.pk, code="INTERNAL", message="Something.")

    found = search(Audience.of_user(ada), "words", embedder=ScriptedEmbedder())
    assert [passage.document_id for passage in found] == [old.pk]


def test_without_replacing_both_files_of_a_name_stay_and_others_vectors_are_not_taken(ada, collection):
    embedder = ScriptedEmbedder()
    first = process(upload(ada, collection, "Same words.", filename="a.txt"), embedder)
    process(upload(ada, collection, "Other words.", filename="a.txt"), embedder)
    process(upload(ada, collection, "Same words.", filename="b.txt"), embedder)

    assert Document.objects.count() == 3 and len(embedder.embedded) == 3
    assert Document.objects.filter(pk=first.pk).exists()
