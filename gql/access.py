"""Access to what has no selector of its own below: answers, seen by whoever may read their room."""

from chat.errors import NotFound
from chat.models import User
from chat.selectors import parse_id, rooms_readable_by
from rag.models import Answer

NO_ANSWER = "There is no such answer, or it is not open to you."


def access_answer(user: User, answer_id: object) -> Answer:
    """The answer with its message, if the user may read the message's room.

    Raises:
        NotFound: absent, or not for this user.
    """
    answers = Answer.objects.select_related("message").filter(message__room__in=rooms_readable_by(user))
    answer = answers.filter(pk=parse_id(answer_id, NO_ANSWER)).first()
    if answer is None:
        raise NotFound(NO_ANSWER)
    return answer
