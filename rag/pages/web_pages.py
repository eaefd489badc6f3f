"""Pages of the web on the document pages: adding one, and having it checked."""

from typing import Any

from django.contrib import messages as notices
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from chat.errors import BadInput
from rag.actions.web_pages import add_url, check_now


@require_POST
@login_required
def add_page(request: HttpRequest) -> HttpResponse:
    """A document of the page `url` in the collection `collection`, checked every `check_every_hours` hours."""
    user: Any = request.user
    hours = request.POST.get("check_every_hours", "0")
    try:
        document = add_url(
            user,
            collection_id=request.POST.get("collection", ""),
            url=request.POST.get("url", ""),
            check_every_hours=int(hours) if hours.isascii() and hours.isdecimal() and len(hours) < 6 else -1,
        )
    except BadInput as error:
        notices.error(request, error.message)
        return redirect("documents")
    return redirect(reverse("document", args=[document.pk]))


@require_POST
@login_required
def check_page(request: HttpRequest, document_id: int) -> HttpResponse:
    """Have the page of a document fetched again."""
    user: Any = request.user
    check_now(user, document_id=document_id)
    notices.success(
        request, "The page is fetched again. If it has changed, its new text takes the old one's place."
    )
    return redirect(reverse("document", args=[document_id]))
