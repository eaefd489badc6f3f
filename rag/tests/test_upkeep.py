import os

import pytest
from django.db import DataError, connection
from procrastinate.contrib.django.models import ProcrastinateJob

from rag.actions import create_collection, embedding_models, use_embedding_model
from rag.actions.embedding_models import DimensionsChanged
from rag.jobs import upkeep
from rag.jobs.enqueueing import enqueue
from rag.models import Document, EmbeddingModel
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.library import make_collection, make_user, upload

pytestmark = pytest.mark.django_db


def begin_job(*, heartbeat_age_s: float | None) -> int:
    """A job taken by a worker whose last heartbeat is so old; None for a worker that is gone."""
    enqueue("rag.embed_document", queue="documents", document_id=1)
    with connection.cursor() as cursor:
        worker = None
        if heartbeat_age_s is not None:
            cursor.execute(
                "INSERT INTO procrastinate_workers (last_heartbeat)"
                " VALUES (now() - make_interval(secs => %s)) RETURNING id",
                [heartbeat_age_s],
            )
            worker = cursor.fetchone()[0]
        cursor.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s WHERE status = 'todo' RETURNING id",
            [worker],
        )
        return cursor.fetchone()[0]


def status_of(job_id: int) -> str:
    return ProcrastinateJob.objects.get(pk=job_id).status


def test_jobs_of_dead_workers_return_to_the_queue_once():
    dead, gone, alive = (begin_job(heartbeat_age_s=age) for age in (11, None, 4))

    assert upkeep.retry_stalled_jobs() == [dead, gone]

    assert [status_of(job) for job in (dead, gone, alive)] == ["todo", "todo", "doing"]
    assert ProcrastinateJob.objects.get(pk=dead).attempts == 1
    assert upkeep.retry_stalled_jobs() == []


@pytest.mark.django_db(transaction=True)
def test_a_returned_job_is_announced_to_workers():
    import psycopg

    parameters = connection.get_connection_params()
    parameters = {
        key: parameters[key] for key in ("dbname", "user", "password", "host", "port") if key in parameters
    }
    with psycopg.connect(**parameters, autocommit=True) as listener:
        listener.execute('LISTEN "procrastinate_queue_v1#documents"')
        job = begin_job(heartbeat_age_s=None)
        list(listener.notifies(timeout=0.2))

        upkeep.retry_stalled_jobs()

        [notice] = listener.notifies(timeout=5, stop_after=1)
    assert f'"job_id" : {job}' in notice.payload


def test_old_finished_jobs_are_deleted():
    waiting = begin_job(heartbeat_age_s=1)
    finished = begin_job(heartbeat_age_s=1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'failed' WHERE id = %s", [finished])
        cursor.execute("UPDATE procrastinate_events SET at = now() - interval '15 days'")

    assert upkeep.delete_old_jobs() == 1
    assert status_of(waiting) == "doing"


def vector_indexes(*models: EmbeddingModel) -> list[str]:
    """Definitions of those models' indexes. Other tests' may be there: a flush removes rows only."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = ANY(%s)",
            [[f"rag_embedding_hnsw_{model.pk}" for model in models]],
        )
        return [row[0] for row in cursor.fetchall()]


def test_each_model_gets_an_index_over_its_own_vectors():
    first = use_embedding_model("a", 3)
    use_embedding_model("a", 3)
    wide = use_embedding_model("wide", 5000)

    [definition] = vector_indexes(first, wide)
    assert "halfvec(3)" in definition and f"model_id = {first.pk}" in definition


def is_valid(index: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass", [index])
        return cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_an_index_that_was_interrupted_is_built_again_beside_the_writers():
    from rag.ingestion import flow

    make_collection(make_user("ada"), "c", "pump station")
    flow.embed_document(Document.objects.get().pk, embedder=ScriptedEmbedder())
    model = EmbeddingModel.objects.get()
    name = f"rag_embedding_hnsw_{model.pk}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {name}")
        with pytest.raises(DataError):  # a build that breaks off leaves its index there, invalid
            cursor.execute(f"CREATE INDEX CONCURRENTLY {name} ON rag_embedding ((1 / (chunk_id - chunk_id)))")
        assert is_valid(name) is False

    use_embedding_model(model.name, model.dimensions)

    assert is_valid(name) is True


@pytest.mark.django_db(transaction=True)
def test_a_model_that_is_used_at_once_has_ready_documents_embedded_again():
    from rag.ingestion import flow

    make_collection(make_user("ada"), "c", "pump station")
    document = Document.objects.get()
    old, new = ScriptedEmbedder(name="old"), ScriptedEmbedder(name="new")
    flow.embed_document(document.pk, embedder=old)

    use_embedding_model("new", 3)

    document.refresh_from_db()
    assert (document.status, document.embedded_count) == (Document.Status.EMBEDDING, 0)
    assert list(EmbeddingModel.objects.filter(active=True).values_list("name", flat=True)) == ["new"]
    flow.embed_document(document.pk, embedder=new)
    jobs = ProcrastinateJob.objects.count()
    use_embedding_model("new", 3)
    assert ProcrastinateJob.objects.count() == jobs

    embedding_models.use_embedding_model("old", 3)
    document.refresh_from_db()
    assert document.status == Document.Status.READY, "its vectors were kept"


def test_a_model_that_changed_its_size_is_refused():
    use_embedding_model("a", 3)

    with pytest.raises(DimensionsChanged):
        use_embedding_model("a", 4)


def test_files_that_no_document_names_are_removed_when_they_are_old(storage_folder):
    ada = make_user("ada")
    kept, deleted = (create_collection(ada, name=name) for name in ("kept", "deleted"))
    used = upload(ada, kept, "Words.").file.name
    lost = upload(ada, deleted, "Other words.").file.name
    young = upload(ada, deleted, "New words.", filename="young.txt").file.name
    foreign = storage_folder / "ab" / "cd" / "README"
    foreign.parent.mkdir(parents=True, exist_ok=True)
    foreign.write_text("nobody's")
    for path in (storage_folder / used, storage_folder / lost, foreign):
        os.utime(path, (0, 0))
    deleted.delete()  # as the admin does, or a room that takes its files along

    assert upkeep.delete_unused_files() == 1

    found = {str(path.relative_to(storage_folder)) for path in storage_folder.rglob("*") if path.is_file()}
    assert found == {used, young, "ab/cd/README"}
    assert upkeep.delete_unused_files() == 0


def test_there_need_not_be_files(storage_folder):
    assert upkeep.delete_unused_files() == 0
