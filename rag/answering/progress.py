"""Whether the worker that answers should go on."""

from rag.answering.claim import AnswerClaim, Progress
from rag.models import Answer


def progress_of(claim: AnswerClaim) -> Progress:
    """What the holder of the claim should do next. One small query, since it is asked several times a second."""
    columns = ("attempt", "finished_at", "stop_requested_at", "message__deleted_at")
    row = Answer.objects.filter(pk=claim.answer_id).values_list(*columns).first()
    if row is None:
        return Progress.LEAVE
    attempt, finished_at, stop_requested_at, deleted_at = row
    if attempt != claim.attempt or finished_at is not None:
        return Progress.LEAVE
    return Progress.STOP if stop_requested_at or deleted_at else Progress.GO_ON
