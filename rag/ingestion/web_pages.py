"""Fetching the pages that documents are made of. Blocks; called in a thread of a worker, outside of transactions."""

from __future__ import annotations

from django.conf import settings

from chat.files import Content, read_content
from rag.actions import web_pages
from rag.crawling import Fetched, FetchError, FetchPolicy, NotModified, SiteRules, fetch
from rag.crawling.resolving import Resolver, resolve
from rag.models import Document, WebPage
from rag.parsing import HEAD_BYTES, WrongType, detect_media_type
from rag.quotas import QuotaExceeded

_site_rules = SiteRules()  # the pages of a wiki are checked one after the other


def fetch_first(document: Document, *, resolver: Resolver = resolve) -> Document | None:
    """The PARSING document with the content of its page, or as it is if it has none; None if it is gone.

    Raises:
        FetchError: the page could not be had, or nothing reads its kind.
    """
    page = WebPage.objects.filter(document=document).first()
    if page is None:
        return document
    with fetch(page.url, _policy(), site_rules=_site_rules, resolver=resolver) as fetched:
        content, media_type = _examine(fetched)
        return web_pages.store_first(document.pk, fetched, content, media_type)


def check_page(page_id: int, *, resolver: Resolver = resolve) -> Document | None:
    """Fetch a page again, if the server says that it changed; a new version of its document, if it did."""
    page = WebPage.objects.filter(pk=page_id).first()
    if page is None:
        return None
    seen = fetch(
        page.url,
        _policy(),
        etag=page.etag,
        last_modified=page.last_modified,
        site_rules=_site_rules,
        resolver=resolver,
    )
    try:
        with seen as fetched:
            content, media_type = _examine(fetched)
            return web_pages.store_check(page_id, fetched, content, media_type)
    except NotModified:
        web_pages.note_check(page_id)
    except QuotaExceeded as error:
        web_pages.note_check(page_id, code=error.document_code, message=error.message)
    except FetchError as error:
        web_pages.note_check(page_id, code=error.code, message=error.message)
    return None


def _policy() -> FetchPolicy:
    return FetchPolicy(
        max_bytes=settings.UPLOAD_MAX_BYTES,
        timeout_s=settings.CRAWL_TIMEOUT_S,
        ports=frozenset(settings.CRAWL_PORTS),
        networks=tuple(settings.CRAWL_ALLOWED_NETWORKS),
        without_robots=frozenset(settings.CRAWL_WITHOUT_ROBOTS),
    )


def _examine(fetched: Fetched) -> tuple[Content, str]:
    content = read_content(fetched.file, max_bytes=settings.UPLOAD_MAX_BYTES, head_bytes=HEAD_BYTES)
    if not content.size_bytes:
        raise FetchError("NO_TEXT", "The page is empty.")
    try:
        return content, detect_media_type(content.head, fetched.filename)
    except WrongType as error:
        raise FetchError(error.code, error.message) from error
