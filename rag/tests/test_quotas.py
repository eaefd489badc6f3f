"""What a user and a collection may keep."""

import io

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from rag.actions import add_url, create_collection, delete_document, room_files, upload_document
from rag.models import Document
from rag.quotas import QuotaExceeded, quota_of
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
