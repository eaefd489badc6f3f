"""Pages of the web as documents: adding, looking again, and what a fetched page becomes."""

from datetime import timedelta
from typing import IO, TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from chat.actions.steps import lock_room, say
from chat.errors import BadInput, Conflict, Forbidden
from chat.files import Content, store_content
from chat.text import clean_line
from rag.actions.documents import enqueue_ingestion, remove_document, requeue, title_from
from rag.crawling import Fetched, check_url
from rag.crawling.urls import BadUrl
from rag.jobs.enqueueing import DOCUMENTS, enqueue
from rag.models import Collection, Document, WebPage
from rag.quotas import require_room, require_room_for_page
from rag.selectors import access_collection, access_document, may_change

if TYPE_CHECKING:
    from chat.models import User

CHECK_HOURS = (0, 1, 6, 24, 168, 720)  # never, to each month
CHECK_PRIORITY = -15  # after what was just uploaded, before vectors
DUE_PER_RUN = 200
_HAS_CHECK_JOB = """
SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE task_name = 'rag.check_web_page' AND status = 'todo'
    AND (args ->> 'page_id')::bigint = %s)
"""
_BUSY = (Document.Status.QUEUED, Document.Status.PARSING, Document.Status.EMBEDDING)


def add_url(
    user: "User", *, collection_id: object, url: str, title: str = "", check_every_hours: int = 0
) -> Document:
    """A document of that page, queued to be fetched. A URL that the collection has is the document that is there.

    If that one failed it is queued again; in any case `check_every_hours` holds from now on.

    Raises:
        NotFound, Forbidden: the collection. QuotaExceeded.
        BadInput: no URL that is fetched, or another interval than CHECK_HOURS.
    """
    collection = access_collection(user, collection_id, write=True)
    if check_every_hours not in CHECK_HOURS:
        wanted = ", ".join(map(str, CHECK_HOURS))
        raise BadInput("A page cannot be checked that often.", fields={"checkEveryHours": f"one of {wanted}"})
    try:
        address = str(check_url(url.partition("#")[0], ports=frozenset(settings.CRAWL_PORTS)))
    except BadUrl as error:
        raise BadInput(str(error), fields={"url": "is not fetched"}) from None
    try:
        with transaction.atomic(durable=True):
            page = WebPage.objects.select_for_update().filter(collection=collection, url=address).first()
            if page is None:
                return _new_page(user, collection, address, clean_line(title)[:300], check_every_hours)
            _schedule(page, check_every_hours)
            document = Document.objects.select_for_update().get(pk=page.document_id)
            if document.status == Document.Status.FAILED:
                requeue(document)
            return document
    except IntegrityError:
        raise Conflict("The collection was changed at the same time. Try again.") from None


def _new_page(user: "User", collection: Collection, url: str, title: str, check_every_hours: int) -> Document:
    require_room(user_id=user.pk, collection_id=collection.pk, size_bytes=1)
    require_room_for_page(user.pk)
    document = Document.objects.create(
        collection=collection,
        title=title or url[:300],
        filename="",
        source=url,
        size_bytes=0,
        uploaded_by=user,
    )
    document.refresh_from_db(fields=["created_at"])
    page = WebPage(collection=collection, url=url, title=title, document=document)
    _schedule(page, check_every_hours)
    enqueue_ingestion(document)
    if collection.home_room_id is not None:
        say(lock_room(collection.home_room_id), user, f"added the page {url}")
    return document


def _schedule(page: WebPage, check_every_hours: int) -> None:
    page.check_every_hours = check_every_hours
    hours = timedelta(hours=check_every_hours)
    page.next_check_at = timezone.now() + hours if check_every_hours else None
    page.save()


def check_now(user: "User", *, document_id: object) -> Document:
    """Have a document's page fetched again soon. Its text stays what it is unless the page has changed.

    Raises:
        NotFound; Forbidden: neither the uploader nor who may add to the collection. BadInput: not a page of the web.
    """
    with transaction.atomic(durable=True):
        document = access_document(user, document_id)
        if not may_change(user, document):
            raise Forbidden("Only who added it, or may add to its collection, can have a page checked.")
        page = WebPage.objects.select_for_update().filter(document=document).first()
        if page is None:
            raise BadInput("This document is not a page of the web.", fields={"documentId": "has no URL"})
        document = Document.objects.select_for_update().get(pk=document.pk)
        if document.status == Document.Status.FAILED:
            requeue(document)
        else:
            _enqueue_check(page)
    return document


def queue_due_pages() -> int:
    """Enqueue the checks of pages whose time has come, and set their next. Returns their number. For upkeep.

    Nothing is fetched for people whose account was closed.
    """
    with transaction.atomic(durable=True):
        due = WebPage.objects.select_for_update(skip_locked=True, of=["self"]).filter(
            next_check_at__lte=timezone.now(), document__uploaded_by__is_active=True
        )
        pages = list(due.order_by("next_check_at")[:DUE_PER_RUN])
        for page in pages:
            _schedule(page, page.check_every_hours)
            _enqueue_check(page)
    return len(pages)


def _enqueue_check(page: WebPage) -> None:
    """Step: one check waits for a page, however often it is asked for; with the page locked."""
    with connection.cursor() as cursor:
        cursor.execute(_HAS_CHECK_JOB, [page.pk])
        if cursor.fetchone() == (True,):
            return
    enqueue("rag.check_web_page", queue=DOCUMENTS, priority=CHECK_PRIORITY, page_id=page.pk)


def store_first(document_id: int, fetched: Fetched, content: Content, media_type: str) -> Document | None:
    """Give a PARSING document the content of its page; None if it is gone or was taken over."""
    with transaction.atomic(durable=True):
        page = WebPage.objects.select_for_update().filter(document=document_id).first()
        document = Document.objects.select_for_update().filter(pk=document_id).first()
        if page is None or document is None or document.status != Document.Status.PARSING:
            return None
        _fill(document, page, fetched.file, content, fetched.filename, media_type)
        document.save()
        _note_check(page, fetched)
    return document


def store_check(page_id: int, fetched: Fetched, content: Content, media_type: str) -> Document | None:
    """A new version of a page's document, queued; None where the content is the same, or the page is gone or busy.

    The version that is there is found until the new one is ready, and is removed then.
    """
    with transaction.atomic(durable=True):
        page = WebPage.objects.select_for_update().filter(pk=page_id).first()
        if page is None:
            return None
        current = Document.objects.select_for_update().get(pk=page.document_id)
        if current.sha256 == content.sha256 or current.status in _BUSY:
            _note_check(page, fetched if current.status not in _BUSY else None)
            return None
        same = Document.objects.filter(
            collection=page.collection_id, source=page.url, sha256=content.sha256
        ).first()
        if same is not None:  # the version in between failed, and the page is again what it was
            page.document = same
            _note_check(page, fetched)
            remove_document(current)
            return None
        version = Document(
            collection_id=page.collection_id, source=page.url, uploaded_by=current.uploaded_by, replaces=True
        )
        _fill(version, page, fetched.file, content, fetched.filename, media_type)
        version.save()
        page.document = version
        _note_check(page, fetched)
        enqueue_ingestion(version)
    return version


def _fill(
    document: Document, page: WebPage, file: IO[bytes], content: Content, filename: str, media_type: str
) -> None:
    stored = store_content(file, content)  # before the quota's locks, as in every upload
    require_room(
        user_id=document.uploaded_by_id,
        collection_id=document.collection_id,
        size_bytes=content.size_bytes,
    )
    document.filename = filename[-300:]
    document.title = page.title or title_from(document.filename)[:300]
    document.media_type, document.size_bytes, document.sha256 = media_type, content.size_bytes, content.sha256
    document.file = stored


def note_check(page_id: int, *, code: str = "", message: str = "") -> None:
    """Note that a page was looked at and is what it was, or why it could not be had."""
    with transaction.atomic(durable=True):
        WebPage.objects.filter(pk=page_id).update(
            checked_at=timezone.now(), error_code=code[:40], error_message=message[:500]
        )


def _note_check(page: WebPage, fetched: Fetched | None) -> None:
    page.checked_at = timezone.now()
    page.error_code = page.error_message = ""
    if fetched is not None:
        page.etag, page.last_modified = fetched.etag, fetched.last_modified
    page.save()
