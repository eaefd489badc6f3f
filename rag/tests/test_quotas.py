"""What a user and a collection may keep."""

import io
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.db import connection, connections, transaction
from procrastinate.contrib.django.models import ProcrastinateJob

from rag.actions import add_url, create_collection, delete_document, room_files, upload_document
from rag.models import Document
from rag.quotas import QuotaExceeded, quota_of, require_room
from rag.tests.library import make_room, make_user, process, upload
from rag.tests.office_files import write_zip

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("storage_folder")]


@pytest.fixture
def ada():
    return make_user("ada")


@pytest.fixture
def collection(ada):
    return create_collection(ada, name="Handbook")


def test_a_user_may_keep_so_much_in_all_collections(ada, collection, settings):
    settings.DOCUMENTS_MAX_BYTES = 10
    first = upload(ada, collection, "12345678", filename="a.txt")
    other = create_collection(ada, name="Other")

    with pytest.raises(QuotaExceeded) as caught:
        upload(ada, other, "12345", filename="b.txt")
    assert caught.value.code == "PAYLOAD_TOO_LARGE" and list(caught.value.fields) == ["file"]
    assert "come to 10 B in all, of which 2 B are left" in caught.value.message
    assert upload(ada, collection, "12345678", filename="a.txt") == first
    assert Document.objects.count() == ProcrastinateJob.objects.count() == 1

    delete_document(ada, document_id=first.pk)
    upload(ada, other, "12345", filename="b.txt")
    assert (quota_of(ada.pk).used_bytes, quota_of(ada.pk).allowed_bytes) == (5, 10)


def test_a_collection_holds_so_much_of_all_users(ada, settings):
    grace = make_user("grace")
    files = room_files(ada, room_id=make_room("team", ada, grace).pk)
    settings.COLLECTION_MAX_BYTES = 10
    upload(ada, files, "12345678", filename="a.txt")

    with pytest.raises(QuotaExceeded) as caught:
        upload(grace, files, "12345", filename="b.txt")

    assert list(caught.value.fields) == ["collectionId"]
    assert "come to 10 B in all, of which 2 B are left in this one" in caught.value.message


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("setting", ["DOCUMENTS_MAX_BYTES", "COLLECTION_MAX_BYTES"])
def test_two_uploads_at_once_do_not_share_the_room_for_one(setting, settings):
    ada, grace = make_user("ada"), make_user("grace")
    files = room_files(ada, room_id=make_room("team", ada, grace).pk)
    setattr(settings, setting, 10)
    other = ada if setting == "DOCUMENTS_MAX_BYTES" else grace
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            require_room(user_id=ada.pk, collection_id=files.pk, size_bytes=8)
            second = pool.submit(_upload_elsewhere, other, files)
            _wait_until_it_waits(second)
            Document.objects.create(
                collection=files, title="a", filename="a.txt", source="a", size_bytes=8, uploaded_by=ada
            )
        with pytest.raises(QuotaExceeded):
            second.result(timeout=30)
    assert Document.objects.count() == 1


def _upload_elsewhere(user, collection) -> Document:
    """An upload of five bytes over a connection of this thread's own."""
    try:
        return upload(user, collection, "12345", filename="b.txt")
    finally:
        connections.close_all()


def _wait_until_it_waits(upload_of_another: Future) -> None:
    """Until the other upload asks for a lock that this transaction holds, or ended without."""
    until = time.monotonic() + 30
    while not upload_of_another.done():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            if cursor.fetchone():
                return
        assert time.monotonic() < until, "the other upload neither waits nor ends"
        time.sleep(0.01)


@pytest.mark.django_db(transaction=True)
def test_a_quota_is_not_asked_for_outside_of_a_transaction(ada, collection):
    with pytest.raises(RuntimeError):
        require_room(user_id=ada.pk, collection_id=collection.pk, size_bytes=1)


def test_an_archive_that_unpacks_to_more_fails_with_the_reason(ada, collection, settings, tmp_path):
    settings.DOCUMENTS_MAX_BYTES = 2000
    content = write_zip(tmp_path / "a.zip", {"a.txt": "words " * 150, "b.txt": "pumps " * 1000}).read_bytes()
    archive = upload_document(ada, collection_id=collection.pk, file=io.BytesIO(content), filename="a.zip")

    process(archive)

    assert (archive.status, archive.error_code) == ("failed", "QUOTA_EXCEEDED")
    assert archive.error_message.startswith("Your documents may come to")


def test_pages_need_room_too(ada, collection, settings):
    settings.DOCUMENTS_MAX_BYTES = 8
    upload(ada, collection, "12345678")

    with pytest.raises(QuotaExceeded):
        add_url(ada, collection_id=collection.pk, url="https://example.org/")

    assert Document.objects.count() == 1


def test_the_documents_page_says_how_much_is_used(ada, collection, client):
    upload(ada, collection, "12345678")
    client.force_login(ada)

    assert "Your documents take up 8" in client.get("/documents/").content.decode()


def test_the_page_says_how_full_a_collection_is_to_those_who_may_add_to_it(ada, settings, client):
    settings.COLLECTION_MAX_BYTES = 10
    upload(ada, create_collection(ada, name="Handbook", everyone=True), "12345678")
    grace = make_user("grace")

    client.force_login(ada)
    assert "8 B of 10 B" in client.get("/documents/").content.decode()
    client.force_login(grace)
    assert "8 B of 10 B" not in client.get("/documents/").content.decode()
