"""Forms that control an answer without a script: stop it, have it written anew."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from chat.middleware import wants_json
from rag.actions.answers import regenerate_answer, stop_message
from rag.selectors import access_answer_of


@require_POST
@login_required
def stop(request: HttpRequest, message_id: int) -> HttpResponse:
    """For readers without JavaScript; scripts send `stop-answer` over the socket."""
    user: Any = request.user
    answer = stop_message(user, message_id=message_id)
    return redirect(reverse("room", args=[answer.message.room_id]) + f"#message-{message_id}")


@require_POST
@login_required
def retry(request: HttpRequest, message_id: int) -> HttpResponse:
    """Have a failed or stopped answer written anew."""
    user: Any = request.user
    answer = regenerate_answer(user, answer_id=access_answer_of(user, message_id).pk)
    if wants_json(request):
        return JsonResponse({"ok": True})
    return redirect(reverse("room", args=[answer.message.room_id]) + f"#message-{message_id}")
