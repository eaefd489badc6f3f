"""The page a citation leads to: the passage in its document or, if that is gone, what the answer keeps of it."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from chat.errors import NotFound
from chat.selectors import access_message
from rag.models import Chunk
from rag.reading import AROUND_CHARACTERS, parse_span, pieces_around
from rag.reading_lines import lines_of
from rag.retrieval.neighbours import MOST_CHUNKS
from rag.retrieval.passages import parse_cited
from rag.selectors import (
    access_chunk,
    chunks_from,
    document_text,
    documents_readable_by,
    headings_between,
    successor_of,
)


@require_GET
@login_required
def passage(request: HttpRequest, document_id: int, chunk_id: int) -> HttpResponse:
    """A passage in its document; for the pane with X-Fragment.

    `?chunks=n`: it goes on over the chunks that follow. `?mark=start-end`: offsets in the passage, which are marked.
    `?cited=message-number`: the citation that leads here, which is shown where the passage is gone.
    """
    user: Any = request.user
    try:
        chunk = access_chunk(user, document_id, chunk_id)
    except NotFound:
        citation = _citation(user, request.GET.get("cited", ""), document_id)
        if citation is None:
            raise
        return _show(request, "gone_passage", _gone(user, document_id, citation))
    return _show(request, "passage", _found(request, chunk))


def _show(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    kind = "_" if request.headers.get("X-Fragment") else ""
    return render(request, f"rag/{kind}{template}.html", {**context, "section": "documents"})


def _found(request: HttpRequest, chunk: Chunk) -> dict[str, Any]:
    document = chunk.document
    count = request.GET.get("chunks", "")
    chunks = chunks_from(chunk, min(int(count), MOST_CHUNKS) if count.isdecimal() and len(count) < 4 else 1)
    start, end = chunk.start, chunks[-1].end
    mark = parse_span(request.GET.get("mark", ""), end - start)
    place = (start + mark[0], start + mark[1]) if mark else None
    headings = headings_between(document, start - AROUND_CHARACTERS, end + AROUND_CHARACTERS)
    pieces = pieces_around(document_text(document), (start, end), place)
    return {
        "chunk": chunk,
        "page_end": chunks[-1].page_end,
        "document": document,
        "lines": lines_of(pieces, headings, document.media_type),
        "at": place or (start, end),
    }


def _citation(user: Any, cited: str, document_id: int) -> dict[str, Any] | None:
    """That citation of that document as its message keeps it; None if there is none, or not for this user."""
    place = parse_cited(cited)
    if place is None:
        return None
    try:
        message = access_message(user, place[0])
    except NotFound:
        return None
    named = (place[1], str(document_id))
    kept = (one for one in message.citations if (one["number"], one["documentId"]) == named)
    return next(kept, None)


def _gone(user: Any, document_id: int, citation: dict[str, Any]) -> dict[str, Any]:
    """What an answer keeps of a passage, the document if only the passage is gone, and what replaced the document."""
    return {
        "citation": citation,
        "document": documents_readable_by(user).filter(pk=document_id).first(),
        "successor": successor_of(user, document_id),
    }
