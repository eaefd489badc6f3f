"""Uploading, deleting and retrying documents. What a job does with them is in rag/actions/processing.py."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet

from chat.actions.steps import lock_room, say
from chat.errors import BadInput, Conflict, Forbidden, PayloadTooLarge
from chat.files import Content, TooManyBytes, delete_content, lock_content, read_content, store_content
from chat.text import clean_line
from rag.jobs.enqueueing import DOCUMENTS, enqueue
from rag.models import Collection, Document, ReplacedDocument
from rag.parsing import HEAD_BYTES, WrongType, detect_media_type
from rag.quotas import require_room
from rag.selectors import access_collection, access_document, may_change

if TYPE_CHECKING:
    from chat.models import User

# Below answers (0), and words before vectors: a new document can be found before older ones have all their vectors.
INGEST_PRIORITY = -10
EMBED_PRIORITY = -20


@dataclass(frozen=True, slots=True)
class _Names:
    filename: str
    title: str
    source: str


def upload_document(
    user: "User",
    *,
    collection_id: object,
    file: IO[bytes],
    filename: str,
    title: str = "",
    source: str = "",
    replace: bool = False,
) -> Document:
    """A document in the collection, queued for processing; its job is there if and only if its row is.

    The same content from the same source (by default its filename) is the document that is there already; one that
    failed is queued again. With `replace`, what came from the same source before is removed once this one is ready.

    Args:
        file: readable and seekable, in bytes. title: by default the document's own, else the filename without ending.

    Raises:
        NotFound, Forbidden: the collection. PayloadTooLarge: over settings.UPLOAD_MAX_BYTES; QuotaExceeded.
        BadInput: empty, or of a type that cannot be read.
    """
    collection = access_collection(user, collection_id, write=True)
    names = _clean_names(filename, title, source)
    content = _check_content(file, names.filename)
    media_type = _detect_type(content, names.filename)
    try:
        with transaction.atomic(durable=True):
            stored = store_content(file, content)
            return _queue(user, collection, names, content, media_type, stored, replaces=replace)
    except IntegrityError:
        # The collection was deleted under it. (The same upload at the same moment waits for the content's lock.)
        raise Conflict("The collection was changed at the same time. Try again.") from None


def _existing(collection: Collection, source: str, sha256: str) -> Document | None:
    return Document.objects.filter(collection=collection, source=source, sha256=sha256).first()


def _queue(
    user: "User",
    collection: Collection,
    names: _Names,
    content: Content,
    media_type: str,
    stored: str,
    *,
    replaces: bool,
) -> Document:
    same = _existing(collection, names.source, content.sha256)
    if same is not None:
        document = Document.objects.select_for_update().get(pk=same.pk)
        if replaces and document.status != Document.Status.READY and not document.replaces:
            document.replaces = True  # asked for only now
            document.save(update_fields=["replaces"])
        if document.status == Document.Status.FAILED:
            requeue(document)
        elif replaces and document.status == Document.Status.READY:  # the source is again what it was
            for other in _versions(document).exclude(pk=document.pk):
                remove_document(other)
        return document
    require_room(user_id=user.pk, collection_id=collection.pk, size_bytes=content.size_bytes)
    document = Document.objects.create(
        collection=collection,
        title=names.title,
        filename=names.filename,
        source=names.source,
        media_type=media_type,
        size_bytes=content.size_bytes,
        sha256=content.sha256,
        file=stored,
        replaces=replaces,
        uploaded_by=user,
    )
    document.refresh_from_db(fields=["created_at"])
    enqueue_ingestion(document)
    if collection.home_room_id is not None:
        say(lock_room(collection.home_room_id), user, f"added the file {document.filename}")
    return document


def requeue(document: Document) -> None:
    """Step: begin a failed document anew. The caller holds its row lock."""
    document.status = Document.Status.QUEUED
    document.error_code = document.error_message = ""
    document.save(update_fields=["status", "error_code", "error_message"])
    enqueue_ingestion(document)


def enqueue_ingestion(document: Document) -> None:
    """Step: the job that reads a document, with the surrounding transaction."""
    enqueue("rag.ingest_document", queue=DOCUMENTS, priority=INGEST_PRIORITY, document_id=document.pk)


def _clean_names(filename: str, title: str, source: str) -> _Names:
    name = clean_line(filename.replace("\\", "/").rsplit("/", 1)[-1])
    stem, ending = os.path.splitext(name)
    name = stem[: 300 - len(ending[:20])] + ending[:20] or "document"
    return _Names(name, clean_line(title)[:300] or title_from(name), clean_line(source)[:500] or name)


def title_from(filename: str) -> str:
    """The title of a document that has none of its own."""
    return os.path.splitext(filename)[0].strip() or filename


def _check_content(file: IO[bytes], filename: str) -> Content:
    try:
        content = read_content(file, max_bytes=settings.UPLOAD_MAX_BYTES, head_bytes=HEAD_BYTES)
    except TooManyBytes:
        limit = settings.UPLOAD_MAX_BYTES // (1024 * 1024)
        raise PayloadTooLarge(
            f"“{filename}” is larger than {limit} MB. Split it, or ask an administrator to raise the limit.",
            fields={"file": f"must be at most {limit} MB"},
        ) from None
    if not content.size_bytes:
        raise BadInput(f"“{filename}” is empty.", fields={"file": "must not be empty"})
    return content


def _detect_type(content: Content, filename: str) -> str:
    try:
        return detect_media_type(content.head, filename)
    except WrongType as error:
        raise BadInput(error.message, fields={"file": "is of a type that cannot be read"}) from None


def retry_document(user: "User", *, document_id: object) -> Document:
    """Queue a failed document again; any other is returned as it is.

    Raises:
        NotFound; Forbidden: neither the uploader nor somebody who may write to the collection.
    """
    with transaction.atomic(durable=True):
        document = access_document(user, document_id)
        _require_change(user, document)
        document = (
            Document.objects.select_for_update(of=("self",)).select_related("collection").get(pk=document.pk)
        )
        if document.status == Document.Status.FAILED:
            requeue(document)
    return document


def delete_document(user: "User", *, document_id: object) -> bool:
    """Remove a document with its chunks, vectors and, where no other document has the same content, its file.

    Answers that cited it keep their snapshot of the words. A running job of it ends by itself.

    Raises:
        NotFound; Forbidden: neither the uploader nor somebody who may write to the collection.
    """
    with transaction.atomic(durable=True):
        document = access_document(user, document_id)
        _require_change(user, document)
        remove_document(document)
    return True


def delete_other_versions(user: "User", *, document_id: object) -> int:
    """Remove the other documents of the same collection and source: what this one replaces. Returns their number.

    Raises:
        NotFound; Forbidden: neither the uploader nor somebody who may write to the collection.
    """
    with transaction.atomic(durable=True):
        document = access_document(user, document_id)
        _require_change(user, document)
        others = list(_versions(document).exclude(pk=document.pk))
        for other in others:
            _replace(other, document)
    return len(others)


def remove_older_versions(document: Document) -> None:
    """Step: remove what was added to the collection from the same source before this document."""
    for older in _versions(document).filter(pk__lt=document.pk):
        _replace(older, document)


def _replace(old: Document, new: Document) -> None:
    """Step: remove a version and keep that another one replaced it, and what it had replaced itself."""
    ReplacedDocument.objects.filter(successor=old).update(successor=new)
    ReplacedDocument.objects.update_or_create(document_id=old.pk, defaults={"successor": new})
    remove_document(old)


def _versions(document: Document) -> QuerySet[Document]:
    """The documents of the same collection and source, the oldest first."""
    same = Document.objects.filter(collection=document.collection_id, source=document.source)
    return same.order_by("pk")


def retry_documents(document_ids: Iterable[int]) -> int:
    """Queue those of the documents again that failed. Returns their number.

    For administrators: whoever calls this has checked that (Django admin does); collections are not asked.
    """
    with transaction.atomic(durable=True):
        failed = Document.objects.select_for_update().filter(
            pk__in=list(document_ids), status=Document.Status.FAILED
        )
        found = list(failed.order_by("pk"))
        for document in found:
            requeue(document)
    return len(found)


def remove_documents(document_ids: Iterable[int]) -> int:
    """Remove documents as `delete_document` does. Returns their number. For administrators, like `retry_documents`."""
    with transaction.atomic(durable=True):
        found = list(Document.objects.filter(pk__in=list(document_ids)).order_by("pk"))
        for document in found:
            remove_document(document)
    return len(found)


def _require_change(user: "User", document: Document) -> None:
    if not may_change(user, document):
        raise Forbidden(
            "Only who uploaded it, or may add to its collection, can change or delete a document."
        )


def remove_document(document: Document) -> None:
    """Step: take a document out of the index and the database; its file goes after the commit, if nobody needs it."""
    if Document.objects.select_for_update().filter(pk=document.pk).first() is None:
        return  # somebody else was quicker
    for part in Document.objects.filter(part_of=document).order_by("pk"):
        remove_document(part)
    with connection.cursor() as cursor:
        cursor.execute("SELECT rag_drop_chunks(%s)", [document.pk])
    name = document.file.name
    document.delete()
    if name:
        transaction.on_commit(partial(_delete_own_file, name), robust=True)


def _delete_own_file(name: str) -> None:
    with transaction.atomic():
        _delete_if_unused(name)


def remove_unused_files(names: Iterable[str]) -> int:
    """Remove those of these contents from the storage that no document names. Returns their number. For upkeep."""
    removed = 0
    for name in names:
        with transaction.atomic(durable=True):
            removed += _delete_if_unused(name)
    return removed


def _delete_if_unused(name: str) -> bool:
    lock_content(name)
    if Document.objects.filter(file=name).exists():
        return False
    delete_content(name)
    return True
