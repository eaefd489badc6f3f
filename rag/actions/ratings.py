"""Ratings of answers by those who read them."""

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models.functions import Now

from chat.errors import Conflict, bad_input
from chat.text import clean_text
from rag.models import Answer, AnswerRating
from rag.selectors import access_answer

if TYPE_CHECKING:
    from chat.models import User

REASON_MAX_CHARACTERS = 500


def rate_answer(user: "User", *, answer_id: object, helpful: bool, reason: object = None) -> Answer:
    """The user's one rating of the answer is this from now on; a rating made before is replaced, reason and all.

    It is kept with the attempt that wrote the text, since an answer may be written anew. Nothing is announced.

    Raises:
        NotFound: absent, or in a room that is not the user's. BadInput: the reason. Conflict: the answer is being
            written, or was deleted.
    """
    words = _check_reason(reason)
    with transaction.atomic(durable=True):
        answer = access_answer(user, answer_id)
        if answer.message.deleted_at is not None:
            raise Conflict("This answer was deleted.")
        if answer.finished_at is None:
            raise Conflict("This answer is being written.")
        rating = {"helpful": helpful, "reason": words, "attempt": answer.attempt, "rated_at": Now()}
        AnswerRating.objects.update_or_create(answer=answer, user=user, defaults=rating)
    return answer


def _check_reason(reason: object) -> str:
    if reason is not None and not isinstance(reason, str):
        raise bad_input("reason", "must be a string")
    words = clean_text(reason or "")
    if len(words) > REASON_MAX_CHARACTERS:
        limit = f"must have at most {REASON_MAX_CHARACTERS} characters"
        raise bad_input("reason", limit)
    return words
