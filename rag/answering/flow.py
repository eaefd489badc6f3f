"""The flow of an answer: claim, search, prompt, stream, check, finish."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace

from django.db import InterfaceError, OperationalError

from chat.database import run_in_db
from rag.actions.answers import begin_answer, finish_answer, record_passages
from rag.actions.problems import advice_on, note_problem
from rag.answering.citations import CheckedAnswer, check_citations
from rag.answering.claim import AnswerClaim, AnswerOutcome, ModelChoice, Progress
from rag.answering.live import LiveAnswer
from rag.answering.prompts import MAX_OUTPUT_TOKENS, PASSAGES_BUDGET_TOKENS, build_request
from rag.embeddings import Embedder
from rag.llm.configured import configured_model
from rag.llm.seam import AnswerError, AnswerModel, AnswerRequest, ModelEvent
from rag.money.calls import Account, Call, Purpose
from rag.money.metering import MeteredModel
from rag.retrieval.neighbours import merge_neighbours
from rag.retrieval.passages import Passage
from rag.retrieval.search import Audience, search

logger = logging.getLogger(__name__)

PASSAGES = 8
CHUNKS = 2 * PASSAGES  # that are looked at: those beside a better one become part of its passage
NO_QUESTION = "What would you like to know? Write your question behind my name."
CUT_OFF = "*The answer was cut off at its length limit.*"
INTERNAL = ("INTERNAL", "Something went wrong while answering. Please try again.")
EMPTY = ("MODEL_EMPTY", "The language model gave no answer. Please try again.")
DATABASE_ERRORS = (OperationalError, InterfaceError)


def find_passages(room_id: int, question: str, *, embedder: Embedder | None = None) -> Sequence[Passage]:
    """Up to PASSAGES passages of one to three chunks, best first, of what everybody who may read the room may read.

    Each of the PASSAGES best chunks is in one of them, as far as the prompt has room. Blocks; `embedder` as for search.
    """
    chunks = search(Audience.of_room(room_id), question, top_k=CHUNKS, embedder=embedder)
    return merge_neighbours(chunks, most=PASSAGES, most_tokens=PASSAGES_BUDGET_TOKENS)


def _configured(claim: AnswerClaim) -> AnswerModel:
    return metered_models(claim.models, claim.account, "answer")


def metered_models(models: Sequence[ModelChoice], account: Account, purpose: Purpose) -> AnswerModel:
    """The chain of those models, each call of which is in the ledger; the extractive answerer where there are none."""
    prices = {choice.name: choice.prices for choice in models}

    def metered(model: AnswerModel) -> AnswerModel:
        return MeteredModel(model, Call(purpose, model.name, prices[model.name], account))

    return configured_model(models, metered=metered)


@dataclass(frozen=True, slots=True)
class Means:
    """What an answer is made with. `search` blocks and is run in a database thread; `model` is called on the loop."""

    search: Callable[[int, str], Sequence[Passage]] = find_passages
    model: Callable[[AnswerClaim], AnswerModel] = _configured


async def answer(message_id: int, bot_id: int, *, means: Means | None = None) -> None:
    """Answer the message as that bot, or take over from a worker that died over it. Safe to call again at any time.

    A failure becomes the answer's state, with a reason; only losing the database, or being cancelled, comes
    out of here, and whoever runs the job again takes over.
    """
    claim = await run_in_db(begin_answer, message_id, bot_id)
    if claim is None:
        return
    try:
        outcome = await _outcome(claim, means or Means())
    except DATABASE_ERRORS:
        raise
    except Exception:  # the top of the job: whatever it was, the person who asked must hear of it
        logger.exception("answer %d failed", claim.answer_id)
        await run_in_db(note_problem, "code", INTERNAL[0], f"answer {claim.answer_id}", place="rag.answer")
        outcome = AnswerOutcome("failed", "", error=INTERNAL)
    if outcome is not None and outcome.error:
        outcome = replace(outcome, error=await run_in_db(_with_advice, *outcome.error))
    if outcome is not None and not await run_in_db(finish_answer, claim, outcome):
        logger.info("answer %d was taken over or ended by somebody else", claim.answer_id)


def _with_advice(code: str, message: str) -> tuple[str, str]:
    """The error, with what an admin wrote for those who meet it."""
    return code, f"{message} {advice_on(code)}".strip()


async def _outcome(claim: AnswerClaim, means: Means) -> AnswerOutcome | None:
    """How the answer ended; None if it is not this worker's any more."""
    if not claim.question:
        return AnswerOutcome("final", NO_QUESTION)
    started = time.monotonic()
    found = await run_in_db(means.search, claim.room_id, claim.question)
    search_ms = (time.monotonic() - started) * 1000
    limit = min((choice.max_output_tokens for choice in claim.models), default=MAX_OUTPUT_TOKENS)
    request = build_request(claim.question, found, claim.history, claim.template, max_output_tokens=limit)
    model = means.model(claim)
    live = LiveAnswer(claim, model=model.name, source_count=len(request.passages))
    recording = asyncio.create_task(
        run_in_db(record_passages, claim, request.passages, search_ms=search_ms)
    )  # beside the stream, so that the first word does not wait for a commit
    try:
        progress, error = await _stream(live, model.stream(request))
    finally:
        await asyncio.gather(recording, return_exceptions=True)
    recording.result()
    if progress is Progress.LEAVE:
        return None
    status = "failed" if error else "stopped" if progress is Progress.STOP else "final"
    return _compose(claim, live, status, error, request)


async def _stream(
    live: LiveAnswer, events: AsyncGenerator[ModelEvent, None]
) -> tuple[Progress, tuple[str, str] | None]:
    """What to do next, and the error if the answer failed: what was shown and spent until then is in `live`."""
    try:
        progress = await live.run(events)
    except AnswerError as problem:
        return Progress.GO_ON, (problem.code, problem.message)
    except DATABASE_ERRORS:
        raise
    except Exception:  # as in `answer`; here, what has been shown and spent must not be lost
        logger.exception("a language model failed")
        await run_in_db(note_problem, "code", INTERNAL[0], "a language model's stream", place="rag.answer")
        return Progress.GO_ON, INTERNAL
    if progress is Progress.GO_ON and not live.draft.text:
        return progress, EMPTY
    return progress, None


def _compose(
    claim: AnswerClaim,
    live: LiveAnswer,
    status: str,
    error: tuple[str, str] | None,
    request: AnswerRequest,
) -> AnswerOutcome:
    checked = check_citations(live.draft.text, live.draft.quotes, request.passages)
    completion = live.completion
    return AnswerOutcome(
        status=status,
        text=_final_text(checked, cut_off=completion is not None and completion.truncated),
        citations=checked.citations,
        dropped_citations=checked.dropped + live.draft.unserved,
        error=error,
        delta_index=live.delta_index,
        model=live.model,
        stop_reason=completion.stop_reason if completion else "",
        first_delta_ms=_first_delta_ms(claim, live),
        parameters={
            "max_output_tokens": request.max_output_tokens,
            "passages": len(request.passages),
            "history_turns": len(request.history),
        },
    )


def _final_text(checked: CheckedAnswer, *, cut_off: bool) -> str:
    return f"{checked.text}\n\n{CUT_OFF}" if cut_off else checked.text


def _first_delta_ms(claim: AnswerClaim, live: LiveAnswer) -> float | None:
    """From the request to the first delta, as the room saw it; by two clocks that may differ a little."""
    if live.first_delta_at is None:
        return None
    return max(0.0, (live.first_delta_at - claim.asked_at.timestamp()) * 1000)
