"""Answers: claimed by a job, kept while they grow, finished; asked for, stopped and asked for again by people.

Locks are taken in one order: room, answer, message.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from chat.actions import AnswerDraft, begin_draft, change_draft, post_message, save_partial
from chat.actions.messages import check_text
from chat.actions.steps import lock_room
from chat.errors import BadInput, Conflict, Forbidden
from chat.mentions import find_mentions, strip_mention
from chat.selectors import find_bot, find_message, manages_room, messages_before, users_by_id
from rag.actions.budgets import give_back_of_answer
from rag.answering.claim import AnswerClaim, AnswerOutcome, ModelChoice, Progress
from rag.answering.markers import strip_markers
from rag.answering.prompts import DefaultTemplate, HistoryItem
from rag.jobs.enqueueing import ANSWERS, enqueue
from rag.models import Answer, AnswerPassage, Chunk, LanguageModel, ModelCall, PromptTemplate
from rag.money.prices import default_prices
from rag.retrieval.passages import Passage
from rag.selectors import access_answer, access_answer_of

if TYPE_CHECKING:
    from chat.models import Message, User

MOST_ATTEMPTS = 4  # workers that may die over one question before it is given up
HISTORY_MESSAGES = 20
INPUT_USAGE = ("input_tokens", "cache_write_tokens", "cache_read_tokens")
USAGE = (*INPUT_USAGE, "output_tokens")  # of AnswerAttempt and of ModelCall
LOST = (
    "ANSWER_INTERRUPTED",
    "The answer was interrupted several times and has been given up. Please ask again.",
)


# ------------------------------------------------------------------------------------------ by the job


def begin_answer(message_id: int, bot_id: int) -> AnswerClaim | None:
    """Claim the answer of the bot to that message: a draft is there and streaming, and this caller's to write.

    The first call posts the draft (new-message). A later one, of a job that was run again because its worker
    died, takes over: the same message, empty again, under a new version (message-updated). None if there is
    nothing left to do: finished, stopped or deleted meanwhile, or given up after too many attempts.
    """
    with transaction.atomic(durable=True):
        question, bot = find_message(message_id), users_by_id([bot_id]).get(bot_id)
        if question is None or bot is None:
            return None
        answer = _open_answer(question, bot)
        if answer is None or not _take(answer, question):
            return None
        template = _current_template()
        answer.attempt += 1
        answer.prompt = template
        answer.save(update_fields=["attempt", "prompt"])
        answer.attempts.create(number=answer.attempt)
        return AnswerClaim(
            answer_id=answer.pk,
            attempt=answer.attempt,
            message_id=answer.message_id,
            room_id=question.room_id,
            question=strip_mention(question.text, bot.username).strip(),
            asked_at=answer.requested_at or question.created_at,
            asked_by_id=answer.asked_by_id,
            assistant_id=bot.pk,
            history=_history(question, bot),
            template=template,
            models=model_choices(),
        )


def _open_answer(question: "Message", bot: "User") -> Answer | None:
    """The one answer of the bot to the question, with its draft, made if it is not there; None if it was deleted."""
    lock_room(question.room_id)  # two jobs, or a job and `ask`, come here one after the other
    answer = Answer.objects.select_for_update(of=("self",)).filter(question=question, assistant=bot).first()
    if answer is None and question.deleted_at is None:
        draft = begin_draft(question, bot)
        answer = Answer.objects.create(
            question=question, message=draft, assistant=bot, asked_by=question.author
        )
    return answer


def _take(answer: Answer, question: "Message") -> bool:
    """Whether the answer is to be written now; brings it to an end if it is not, or its message back to the start."""
    if answer.finished_at is not None:
        return False
    so_far = strip_markers(answer.message.text)  # of a worker that died before it could check its citations
    if answer.stop_requested_at or question.deleted_at or answer.message.deleted_at:
        _end(answer, AnswerDraft(text=so_far, status="stopped"))
        return False
    if answer.attempt - answer.attempts_before >= MOST_ATTEMPTS:
        _end(answer, AnswerDraft(text=so_far, status="failed", error=LOST))
        return False
    if _is_begun(answer):
        _give_up_attempts(answer)
        give_back_of_answer(answer.pk)
        change_draft(answer.message_id, AnswerDraft(text="", status="streaming"))
    return True


def _is_begun(answer: Answer) -> bool:
    """Whether a worker has begun since it was last asked for. `attempt` itself never goes back: it is the fence."""
    return answer.attempt > answer.attempts_before


def _end(answer: Answer, draft: AnswerDraft) -> None:
    _give_up_attempts(answer)
    change_draft(answer.message_id, draft)
    answer.finished_at = datetime.now(UTC)
    answer.save(update_fields=["finished_at"])


def _give_up_attempts(answer: Answer) -> None:
    """Those of workers that died."""
    answer.attempts.filter(finished_at=None).update(finished_at=datetime.now(UTC), error_code=LOST[0])


def _current_template() -> PromptTemplate:
    newest = PromptTemplate.objects.filter(name="answer").order_by("-version").first()
    if newest is not None:
        return newest
    first = DefaultTemplate()
    parts = {"persona": first.persona, "rules": first.rules, "examples": first.examples}
    return PromptTemplate.objects.get_or_create(name="answer", version=1, defaults=parts)[0]


def _history(question: "Message", bot: "User") -> tuple[HistoryItem, ...]:
    return tuple(
        HistoryItem(message.author.username, message.text, message.author_id == bot.pk)
        for message in messages_before(question, limit=HISTORY_MESSAGES)
        if message.kind != "system"
    )


def model_choices() -> tuple[ModelChoice, ...]:
    """The models to ask, in order: the one of the settings (with a row, so that it has prices), then the others.

    Those without an endpoint of their own are asked only where the settings have a key or an address.
    """
    enabled = LanguageModel.objects.filter(enabled=True)
    if not (settings.ANTHROPIC_API_KEY or settings.ANTHROPIC_BASE_URL):
        return tuple(map(_choice, enabled.exclude(endpoint="")))
    first = settings.ANTHROPIC_MODEL
    input_price, output_price = default_prices(first)
    prices = {"position": 0, "input_price": input_price, "output_price": output_price}
    LanguageModel.objects.get_or_create(name=first, defaults=prices)
    return tuple(map(_choice, sorted(enabled, key=lambda row: row.name != first)))


def _choice(row: LanguageModel) -> ModelChoice:
    return ModelChoice(
        name=row.name,
        max_output_tokens=row.max_output_tokens,
        prices=row.prices,
        endpoint=row.endpoint,
        key_variable=row.key_variable,
        sources=row.sources,
        caches=row.caches,
        at_once=row.at_once,
    )


def record_passages(claim: AnswerClaim, passages: Sequence[Passage], *, search_ms: float) -> bool:
    """Keep what was served to the model, with scores and hashes; false if the answer is somebody else's by now."""
    with transaction.atomic(durable=True):
        answer = _claimed(claim)
        if answer is None:
            return False
        chunks = Chunk.objects.filter(pk__in=[passage.chunk_id for passage in passages])
        there = set(chunks.values_list("pk", flat=True))
        answer.passages.all().delete()
        AnswerPassage.objects.bulk_create(
            AnswerPassage(
                answer=answer,
                chunk_id=passage.chunk_id if passage.chunk_id in there else None,
                chunk_count=passage.chunk_count,
                rank=rank,
                score=passage.score,
                cosine=passage.cosine,
                bm25=passage.bm25,
                text_sha256=hashlib.sha256(passage.text.encode()).hexdigest(),
            )
            for rank, passage in enumerate(passages, 1)
        )
        answer.search_ms = search_ms
        answer.save(update_fields=["search_ms"])
        answer.attempts.filter(number=claim.attempt).update(search_ms=search_ms)
    return True


def _claimed(claim: AnswerClaim) -> Answer | None:
    """The answer under its lock, if the claim still holds."""
    unfinished = Answer.objects.select_for_update(of=("self",)).filter(finished_at=None)
    return unfinished.filter(pk=claim.answer_id, attempt=claim.attempt).first()


def keep_answer(claim: AnswerClaim, *, text: str, delta_index: int) -> Progress:
    """Store the text so far: who joins now begins with it. Says whether to go on."""
    with transaction.atomic(durable=True):
        answer = _claimed(claim)
        if answer is None:
            return Progress.LEAVE
        kept = save_partial(claim.message_id, text=text, delta_index=delta_index)
        return Progress.GO_ON if kept and answer.stop_requested_at is None else Progress.STOP


def finish_answer(claim: AnswerClaim, outcome: AnswerOutcome) -> bool:
    """Text, citations, status, usage and cost become true together, and message-updated is announced.

    Returns:
        false, with nothing changed, if the answer is somebody else's by now.
    """
    with transaction.atomic(durable=True):
        lock_room(claim.room_id)
        answer = _claimed(claim)
        if answer is None:
            return False
        citations = tuple(citation.as_dict(claim.message_id) for citation in outcome.citations)
        change_draft(
            claim.message_id,
            AnswerDraft(
                text=outcome.text,
                status=outcome.status,
                citations=citations,
                error=outcome.error,
                delta_index=outcome.delta_index,
            ),
        )
        cited = {citation.passage.chunk_id for citation in outcome.citations}
        answer.passages.filter(chunk_id__in=cited).update(cited=True)
        _store_outcome(answer, outcome)
    return True


def _store_outcome(answer: Answer, outcome: AnswerOutcome) -> None:
    now = datetime.now(UTC)
    calls = ModelCall.objects.filter(answer=answer, attempt=answer.attempt)
    used = calls.aggregate(*(Sum(name, default=0) for name in ("cost", *USAGE)))
    answer.attempts.filter(number=answer.attempt).update(
        model=outcome.model,
        parameters=outcome.parameters,
        stop_reason=outcome.stop_reason,
        first_delta_ms=outcome.first_delta_ms,
        error_code=outcome.error[0] if outcome.error else "",
        finished_at=now,
        **{name: used[f"{name}__sum"] for name in ("cost", *USAGE)},
    )
    spent = answer.attempts.aggregate(*(Sum(name) for name in ("cost", *USAGE)))
    answer.input_tokens = sum(spent[f"{name}__sum"] for name in INPUT_USAGE)
    answer.output_tokens = spent["output_tokens__sum"]
    answer.cost = spent["cost__sum"]
    answer.model = outcome.model
    answer.stop_reason = outcome.stop_reason
    answer.dropped_citations = outcome.dropped_citations
    answer.first_delta_ms = outcome.first_delta_ms
    answer.finished_at = now
    answer.save()


# ------------------------------------------------------------------------------------------ by people


def ask(
    user: "User", *, room_id: object, question: object, assistant: str = "parley", client_id: object = None
) -> Answer:
    """Post the question as `user` and give back its answer, which is streaming from now on.

    The message mentions the assistant, so that the room sees who was asked, and its job is enqueued with it.
    The draft is opened in a second transaction; should the process die between the two, the job opens it. A
    retry with the same client id gives the same answer.

    Raises:
        NotFound, Forbidden, BadInput, PayloadTooLarge, Conflict: as for posting a message; NotFound: no such
        assistant.
    """
    bot = find_bot(assistant)
    text = check_text(question)
    if not strip_mention(text, bot.username).strip():
        raise BadInput("A question needs a text.", fields={"question": "must not be empty"})
    if bot.username.lower() not in find_mentions(text):
        text = f"@{bot.username} {text}"
    message = post_message(user, room_id=room_id, text=text, client_id=client_id)
    with transaction.atomic(durable=True):
        answer = _open_answer(message, bot)
    if answer is None:
        raise Conflict("The question was deleted.")
    return answer


def stop_answer(user: "User", *, answer_id: object) -> Answer:
    """Ask the worker to stop; it ends the answer with what is there. One that nobody has begun ends at once.

    Stopping a finished answer changes nothing.

    Raises:
        NotFound: absent, or in a room that is not the user's. Forbidden: not who asked, and no moderator of
            the room.
    """
    with transaction.atomic(durable=True):
        return _stop(user, access_answer(user, answer_id, lock=True))


def stop_message(user: "User", *, message_id: object) -> Answer:
    """`stop_answer` for the answer whose message that is."""
    with transaction.atomic(durable=True):
        answer_id = access_answer_of(user, message_id).pk
        return _stop(user, access_answer(user, answer_id, lock=True))


def regenerate_answer(user: "User", *, answer_id: object) -> Answer:
    """Have a finished answer written anew, in the same message: the way to retry one that failed.

    Raises:
        NotFound, Forbidden: as `stop_answer`. Conflict: it is being written, or its message was deleted.
    """
    with transaction.atomic(durable=True):
        answer = access_answer(user, answer_id, lock=True)
        _require_control(user, answer)
        if answer.finished_at is None:
            raise Conflict("This answer is being written.")
        if answer.message.deleted_at or answer.question.deleted_at:
            raise Conflict("This answer or its question was deleted.")
        change_draft(answer.message_id, AnswerDraft(text="", status="streaming"))
        answer.finished_at = answer.stop_requested_at = None
        answer.attempts_before = answer.attempt
        answer.requested_at = datetime.now(UTC)
        answer.save(update_fields=["finished_at", "stop_requested_at", "attempts_before", "requested_at"])
        task = answer.assistant.bot_task
        enqueue(task, queue=ANSWERS, message_id=answer.question_id, bot_id=answer.assistant_id)
    return answer


def _require_control(user: "User", answer: Answer) -> None:
    if answer.asked_by_id != user.pk and not manages_room(user, answer.message.room):
        raise Forbidden("Only who asked, or a moderator of the room, can do that.")


def _stop(user: "User", answer: Answer) -> Answer:
    _require_control(user, answer)
    if answer.finished_at is None and answer.stop_requested_at is None:
        answer.stop_requested_at = datetime.now(UTC)
        answer.save(update_fields=["stop_requested_at"])
        if not _is_begun(answer):
            _end(answer, AnswerDraft(text="", status="stopped"))
    return answer
