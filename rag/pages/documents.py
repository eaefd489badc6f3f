"""The document pages: what there is, how far it is processed, what it says."""

from functools import partial
from typing import Any

from django.contrib import messages as notices
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from chat.downloads import StoredFile, file_response
from chat.errors import BadInput, Conflict, DomainError, NotFound
from chat.middleware import wants_json
from chat.selectors import access_room
from rag.actions.collections import create_collection, room_files
from rag.actions.documents import delete_document, retry_document, upload_document
from rag.ingestion.sources import folder_path
from rag.models import Chunk, Collection, Document
from rag.pages.document_states import document_states
from rag.pages.forms import CollectionForm
from rag.quotas import quotas_of_collections
from rag.reading import parse_span, part_at, pieces_of_part
from rag.reading_lines import lines_of
from rag.selectors import (
    access_document,
    collections_readable_by,
    collections_writable_by,
    document_text,
    documents_of,
    documents_readable_by,
    headings_between,
    may_change,
)

LISTED_PER_COLLECTION = 200
STATUS_MAX_IDS = 100


# ------------------------------------------------------------------------------------------------- lists


@require_http_methods(["GET", "POST"])
@login_required
def documents(request: HttpRequest) -> HttpResponse:
    """Collections with their documents. POST adds documents to a collection."""
    if request.method == "POST":
        return _upload(request, request.POST.get("collection", ""), reverse("documents"))
    user: Any = request.user
    context = {
        "section": "documents",
        "collections": _listed(list(collections_readable_by(user).select_related("home_room")), user),
        "addable": [] if user.is_guest else _addable(user),
        "form": CollectionForm(),
    }
    return render(request, "rag/documents.html", context)


def _addable(user: Any) -> list[Collection]:
    """Collections that files can be added to, but rooms' own: the user's first, then those of others, by name."""
    found = collections_writable_by(user).filter(home_room=None)
    return sorted(found, key=lambda collection: collection.owner_id != user.pk)


def _listed(collections: list[Collection], user: Any) -> list[dict[str, Any]]:
    """Each collection with its newest documents, whether the user may add to it and then how full it is."""
    writable = set(collections_writable_by(user).values_list("pk", flat=True))
    quotas = quotas_of_collections(writable & {collection.pk for collection in collections})
    listed = []
    for collection in collections:
        newest = list(documents_of(collection)[: LISTED_PER_COLLECTION + 1])
        listed.append(
            {
                "collection": collection,
                "documents": newest[:LISTED_PER_COLLECTION],
                "has_more": len(newest) > LISTED_PER_COLLECTION,
                "is_writable": collection.pk in writable,
                "quota": quotas.get(collection.pk),
            }
        )
    return listed


@require_POST
@login_required
def new_collection(request: HttpRequest) -> HttpResponse:
    form = CollectionForm(request.POST)
    if form.is_valid():
        user: Any = request.user
        try:
            create_collection(user, **form.cleaned_data)
        except (BadInput, Conflict) as error:
            reasons = (f"The {field} {problem}." for field, problem in error.fields.items())
            notices.error(request, " ".join((error.message, *reasons)))
    else:
        notices.error(request, "A collection needs a name.")
    return redirect("documents")


@require_http_methods(["GET", "POST"])
@login_required
def files_of_room(request: HttpRequest, room_id: int) -> HttpResponse:
    """The room's own files, and the collections shared with it. POST adds files."""
    user: Any = request.user
    room = access_room(user, room_id)
    if request.method == "POST":
        collection = room_files(user, room_id=room_id)
        return _upload(request, collection.pk, reverse("room-files", args=[room_id]))
    own = Collection.objects.filter(home_room=room).first()
    membership = room.memberships.filter(user=user).first()
    context = {
        "room": room,
        "documents": documents_of(own)[:LISTED_PER_COLLECTION] if own else [],
        "shared": collections_readable_by(user).filter(shares__room=room).exclude(home_room=room),
        "may_add": membership is not None and not user.is_guest and membership.role != "guest",
    }
    template = "rag/_room_files.html" if request.headers.get("X-Fragment") else "rag/room_files.html"
    return render(request, template, context)


def _upload(request: HttpRequest, collection_id: object, back: str) -> HttpResponse:
    """Each file of the form becomes a document. A script gets their states; a form goes back, with what went wrong."""
    user: Any = request.user
    files = request.FILES.getlist("file")
    if not files:
        raise BadInput("Choose a file first.", fields={"file": "is missing"})
    added: list[Document] = []
    for file in files:
        try:
            added.append(_add_file(request, collection_id, file))
        except DomainError as error:
            if wants_json(request):
                raise
            notices.error(request, error.message)
    if wants_json(request):
        return JsonResponse({"documents": document_states(user, added)}, status=201)
    if added:
        notices.success(request, f"Added: {', '.join(document.filename for document in added)}")
    return redirect(back)


def _add_file(request: HttpRequest, collection_id: object, file: UploadedFile) -> Document:
    """`source`, the path in a folder that was chosen, comes with one file at a time."""
    assert file.file is not None
    user: Any = request.user
    return upload_document(
        user,
        collection_id=collection_id,
        file=file.file,
        filename=file.name or "document",
        source=folder_path(request.POST.get("source", "")),
        replace="replace" in request.POST,
    )


@require_GET
@login_required
def status(request: HttpRequest) -> JsonResponse:
    """How far the documents `?ids=1,2` are; those the user may not read are left out."""
    wanted = [
        int(part) for part in request.GET.get("ids", "").split(",") if part.isdecimal() and len(part) < 18
    ]
    user: Any = request.user
    found = documents_readable_by(user).filter(pk__in=wanted[:STATUS_MAX_IDS])
    return JsonResponse({"documents": document_states(user, found)})


# ------------------------------------------------------------------------------------------- one document


@require_GET
@login_required
def document(request: HttpRequest, document_id: int) -> HttpResponse:
    """A document's details and its text in parts.

    `?at=start-end` opens the part with those characters, marked; `?at=start` the part there, `?page=n` that page.
    """
    user: Any = request.user
    found = access_document(user, document_id)
    page = _number(request.GET.get("page", ""))
    if page is not None:
        return redirect(reverse("document", args=[document_id]) + f"?at={_start_of_page(found, page)}#place")
    text = document_text(found)
    at = request.GET.get("at", "")
    mark = parse_span(at, len(text))
    place = _number(at)
    part = part_at(text, mark[0] if mark else place or 0)
    context = {
        "document": found,
        "part": part,
        "lines": lines_of(
            pieces_of_part(text, part, mark, place),
            headings_between(found, part.start, part.end),
            found.media_type,
        ),
        "may_change": may_change(user, found),
        "section": "documents",
    }
    return render(request, "rag/document.html", context)


def _number(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None


def _start_of_page(document: Document, page: int) -> int:
    """Where the first passage begins that reaches that page; the last page's for a higher number."""
    chunks = Chunk.objects.filter(document=document, page__isnull=False).order_by("ordinal")
    found = chunks.filter(page_end__gte=page).first() or chunks.last()
    return found.start if found else 0


@require_safe
@login_required
async def original(request: HttpRequest, document_id: int) -> HttpResponse | StreamingHttpResponse:
    """The uploaded file, always as a download: nothing somebody uploaded runs as a page of this site."""
    user: Any = await request.auser()
    return await file_response(request, user.pk, partial(_open_original, user, document_id))


def _open_original(user: Any, document_id: int) -> StoredFile:
    document = access_document(user, document_id)
    if not document.file:
        raise NotFound("The original of this document was not kept.")
    try:
        file = document.file.open("rb")
    except FileNotFoundError:
        raise NotFound("The original of this document is not in the file storage any more.") from None
    return StoredFile(file, document.filename, document.size_bytes)


@require_POST
@login_required
def delete(request: HttpRequest, document_id: int) -> HttpResponse:
    user: Any = request.user
    title = access_document(user, document_id).title
    delete_document(user, document_id=document_id)
    if wants_json(request):
        return JsonResponse({"ok": True})
    notices.success(request, f"Deleted: {title}")
    return redirect(_back(request, reverse("documents")))


@require_POST
@login_required
def retry(request: HttpRequest, document_id: int) -> HttpResponse:
    """Process a failed document again."""
    user: Any = request.user
    found = retry_document(user, document_id=document_id)
    if wants_json(request):
        return JsonResponse({"documents": document_states(user, [found])})
    return redirect(_back(request, reverse("document", args=[document_id])))


def _back(request: HttpRequest, otherwise: str) -> str:
    """Where the form says to go on, if that is a page of this site."""
    target = request.POST.get("next", "")
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts=None) else otherwise
