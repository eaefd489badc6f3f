import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connections, transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from chat.errors import BadInput, Forbidden, NotFound, PayloadTooLarge
from chat.files import lock_content
from rag.actions import (
    create_collection,
    delete_document,
    delete_other_versions,
    processing,
    retry_document,
    room_files,
    upload_document,
)
from rag.actions.documents import remove_documents, retry_documents
from rag.models import Chunk, Document
from rag.tests.library import make_collection, make_room, make_user, process, upload

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage_folder")]


@pytest.fixture
def ada():
    return make_user("ada", is_superuser=True)


@pytest.fixture
def grace():
    return make_user("grace")


@pytest.fixture
def collection(grace):
    return create_collection(grace, name="Handbook")


def stored_files(folder) -> int:
    return sum(path.is_file() for path in folder.rglob("*"))


def assert_nothing_happened(folder=None) -> None:
    assert not Document.objects.exists() and not ProcrastinateJob.objects.exists()
    if folder is not None:
        assert stored_files(folder) == 0


def test_content_is_stored_once_below_its_hash(grace, collection, storage_folder):
    first = upload(grace, collection, "Same words.", filename="a.txt")
    second = upload(grace, collection, "Same words.", filename="b.txt")

    sha = first.sha256
    assert first.pk != second.pk and second.sha256 == sha
    assert (storage_folder / sha[:2] / sha[2:4] / sha).read_bytes() == b"Same words."
    assert stored_files(storage_folder) == 1


def test_a_half_written_file_is_replaced(grace, collection, storage_folder):
    document = upload(grace, collection, "All the words.")
    path = storage_folder / document.file.name
    path.chmod(0o600)
    path.write_bytes(b"All")

    upload(grace, collection, "All the words.", filename="again.txt")

    assert path.read_bytes() == b"All the words."


def test_the_same_content_from_the_same_source_is_the_same_document(grace, collection):
    first = upload(grace, collection, "Words.")

    assert upload(grace, collection, "Words.").pk == first.pk
    assert upload(grace, collection, "Words.", source="elsewhere").pk != first.pk
    assert ProcrastinateJob.objects.count() == 2


def test_a_failed_document_is_queued_again_by_uploading_it_again(grace, collection):
    document = upload(grace, collection, "Words.")
    processing.fail_document(document.pk, code="TIMEOUT", message="Took too long.")

    again = upload(grace, collection, "Words.")

    assert (again.pk, again.status, again.error_code) == (document.pk, Document.Status.QUEUED, "")
    assert ProcrastinateJob.objects.count() == 2
    assert process(again).status == Document.Status.READY


def test_row_and_job_come_and_go_together(grace, collection):
    with pytest.raises(RuntimeError), transaction.atomic():
        upload(grace, collection, "Words.")
        raise RuntimeError

    assert_nothing_happened()


@pytest.mark.parametrize(
    ("content", "filename", "error"),
    [
        (b"", "empty.txt", BadInput),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "picture.png", BadInput),
        (b"MZ\x00\x01\x02\x03" * 40, "program.pdf", BadInput),
        (b"x" * 2000, "big.txt", PayloadTooLarge),
    ],
)
def test_what_cannot_be_taken_changes_nothing(
    grace, collection, storage_folder, settings, content, filename, error
):
    settings.UPLOAD_MAX_BYTES = 1999

    with pytest.raises(error) as refused:
        upload_document(grace, collection_id=collection.pk, file=io.BytesIO(content), filename=filename)

    assert "file" in refused.value.fields
    assert_nothing_happened(storage_folder)


@pytest.mark.parametrize(
    ("filename", "stored", "title"),
    [
        ("../../etc/notes.txt", "notes.txt", "notes"),
        ("C:\\Users\\me\\Plan B.txt", "Plan B.txt", "Plan B"),
        ("bad\x00na\nme.txt", "bad na me.txt", "bad na me"),
        ("n" * 400 + ".txt", "n" * 296 + ".txt", "n" * 296),
        ("", "document", "document"),
    ],
)
def test_filenames_are_made_safe(grace, collection, filename, stored, title):
    document = upload(grace, collection, "Words.", filename=filename)

    assert (document.filename, document.title) == (stored, title)


def test_only_writers_of_a_collection_upload_to_it(ada, grace, collection, storage_folder):
    everyone = create_collection(ada, name="All", everyone=True)

    with pytest.raises(NotFound):
        upload(ada, collection, "Words.")
    with pytest.raises(Forbidden):
        upload(grace, everyone, "Words.")
    assert_nothing_happened(storage_folder)


def test_members_upload_to_the_files_of_their_room_and_guests_do_not(ada, grace, storage_folder):
    guest = make_user("guest", is_guest=True)
    room = make_room("team", ada, grace, guest)

    files = room_files(grace, room_id=room.pk)

    assert room_files(ada, room_id=room.pk).pk == files.pk
    with pytest.raises(Forbidden):
        room_files(guest, room_id=room.pk)
    with pytest.raises(Forbidden):
        upload(guest, files, "Words.")
    assert_nothing_happened(storage_folder)
    assert upload(ada, files, "Words.").collection_id == files.pk


def test_a_file_added_to_a_room_is_told_in_the_room_once(ada, grace, storage_folder):
    room = make_room("team", ada, grace)
    files = room_files(grace, room_id=room.pk)

    upload(grace, files, "Words.", filename="plan.txt")
    upload(grace, files, "Words.", filename="plan.txt")

    [note] = room.messages.all()
    assert (note.kind, note.author, note.html) == ("system", grace, "added the file plan.txt")


def test_deleting_removes_passages_and_the_last_ones_file(
    grace, collection, storage_folder, django_capture_on_commit_callbacks
):
    first = process(upload(grace, collection, "Same words.", filename="a.txt"))
    second = process(upload(grace, collection, "Same words.", filename="b.txt"))

    with django_capture_on_commit_callbacks(execute=True):
        delete_document(grace, document_id=first.pk)
    assert stored_files(storage_folder) == 1
    assert set(Chunk.objects.values_list("document_id", flat=True)) == {second.pk}

    with django_capture_on_commit_callbacks(execute=True):
        delete_document(grace, document_id=second.pk)
    assert stored_files(storage_folder) == 0
    with pytest.raises(NotFound):
        delete_document(grace, document_id=second.pk)


def test_readers_delete_only_what_they_uploaded(ada, grace):
    linus = make_user("linus")
    room = make_room("team", ada, grace, linus)
    files = room_files(ada, room_id=room.pk)
    document = upload(grace, files, "Words.")
    shared = make_collection(ada, "shared", "Other words.", room_ids=[room.pk]).documents.get()

    with pytest.raises(Forbidden):
        delete_document(grace, document_id=shared.pk)
    assert Document.objects.count() == 2
    assert delete_document(grace, document_id=document.pk)


def test_a_changed_file_replaces_what_came_from_the_same_source(grace, collection):
    old = process(upload(grace, collection, "Old words.", source="docs/a.txt"))
    other = process(upload(grace, collection, "Old words.", source="docs/b.txt"))
    new = process(upload(grace, collection, "New words.", source="docs/a.txt"))

    assert delete_other_versions(grace, document_id=new.pk) == 1
    assert set(Document.objects.values_list("pk", flat=True)) == {other.pk, new.pk}
    assert not Document.objects.filter(pk=old.pk).exists()


def test_only_failed_documents_are_tried_again(ada, grace, collection):
    failed, ready = (
        upload(grace, collection, "Words."),
        process(upload(grace, collection, "More.", filename="b.txt")),
    )
    processing.fail_document(failed.pk, code="TIMEOUT", message="Took too long.")
    ProcrastinateJob.objects.all()._raw_delete("default")

    assert retry_document(grace, document_id=failed.pk).status == Document.Status.QUEUED
    assert retry_document(grace, document_id=ready.pk).status == Document.Status.READY
    with pytest.raises(NotFound):
        retry_document(ada, document_id=failed.pk)
    assert ProcrastinateJob.objects.count() == 1


def test_administrators_retry_and_remove_any_document(grace, collection):
    failed, ready = (
        upload(grace, collection, "Words."),
        process(upload(grace, collection, "More.", filename="b.txt")),
    )
    processing.fail_document(failed.pk, code="TIMEOUT", message="Took too long.")

    assert retry_documents([failed.pk, ready.pk]) == 1
    assert remove_documents([failed.pk, ready.pk, 999]) == 2
    assert not Document.objects.exists()


class Pause:
    """A place where one thread stops until another lets it go on."""

    def __init__(self) -> None:
        self.reached, self.released = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.reached.set()
        self.released.wait(1)  # the other one may have to wait for this thread: then it goes on by itself


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_uploaded_again_while_it_is_deleted_stays(
    grace, collection, storage_folder, monkeypatch
):
    """The upload sees the file; before its row is committed, the deletion finds no row and would remove the file."""
    document = upload(grace, collection, "Same words.", filename="a.txt")
    found, size = Pause(), FileSystemStorage.size

    def pause_and_size(storage, name):
        found()
        return size(storage, name)

    monkeypatch.setattr(FileSystemStorage, "size", pause_and_size)

    def upload_again():
        try:
            return upload(grace, collection, "Same words.", filename="b.txt")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(upload_again)
        assert found.reached.wait(60)
        delete_document(grace, document_id=document.pk)
        found.released.set()
        second = future.result(10)

    assert default_storage.exists(second.file.name)
    assert stored_files(storage_folder) == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_upload_at_the_same_moment_is_one_document(grace, collection, storage_folder):
    def upload_once(n: int) -> int:
        try:
            return upload(grace, collection, "Same words.").pk
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        documents = set(pool.map(upload_once, range(8)))

    assert len(documents) == 1 and Document.objects.count() == 1
    assert stored_files(storage_folder) == 1
    assert ProcrastinateJob.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_content_is_locked_in_a_transaction_only():
    with pytest.raises(RuntimeError, match="needs a transaction"):
        lock_content("ab/cd/x")
