"""The page on which a reader says what he or she thinks of an answer."""

from typing import Any

from django.contrib import messages as notices
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from chat.errors import BadInput, Conflict
from rag.actions import rate_answer
from rag.actions.ratings import REASON_MAX_CHARACTERS
from rag.models import Answer
from rag.selectors import access_answer_of, rating_of

_HELPFUL = {"yes": True, "no": False}


@require_http_methods(["GET", "POST"])
@login_required
def rate(request: HttpRequest, message_id: int) -> HttpResponse:
    """The answer which that message holds, with the reader's own rating; POST keeps another and leads to the room."""
    user: Any = request.user
    answer = access_answer_of(user, message_id)
    if request.method == "POST" and _keep(request, answer):
        return redirect(reverse("room", args=[answer.message.room_id]) + f"#message-{message_id}")
    rating = rating_of(user, answer)
    context = {
        "message": answer.message,
        "rating": rating,
        "reason": request.POST.get("reason", rating.reason if rating else ""),
        "reason_max": REASON_MAX_CHARACTERS,
    }
    return render(request, "rag/rate_answer.html", context)


def _keep(request: HttpRequest, answer: Answer) -> bool:
    """Whether the rating was kept; if not, the reader is told why."""
    user: Any = request.user
    chosen = _HELPFUL.get(request.POST.get("helpful", ""))
    if chosen is None:
        notices.error(request, "Say whether the answer helped.")
        return False
    try:
        rate_answer(user, answer_id=answer.pk, helpful=chosen, reason=request.POST.get("reason", ""))
    except (BadInput, Conflict) as error:
        notices.error(
            request, " ".join((error.message, *(f"The {f} {why}." for f, why in error.fields.items())))
        )
        return False
    notices.success(request, "Thank you. Your rating is kept for the admins of this server.")
    return True
