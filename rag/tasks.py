"""Jobs of documents and answers: thin, by name. They are enqueued by name in the transaction of what they are about."""

import asyncio
import logging

from django.db import InterfaceError, OperationalError
from procrastinate import JobContext, RetryDecision
from procrastinate.contrib.django import app
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy

from chat import actions
from rag.actions import budgets, embedding_models, evaluation, processing, reindexing, web_pages
from rag.actions.problems import note_problem
from rag.answering.flow import answer as answer_message
from rag.embeddings import EmbeddingError, building
from rag.evaluation.running import run_evaluation
from rag.ingestion import contexts, flow
from rag.ingestion import reindexing as reindexing_flow
from rag.ingestion.web_pages import check_page
from rag.jobs import upkeep
from rag.jobs.enqueueing import ANSWERS, DOCUMENTS
from rag.llm.seam import RetryableModelError

logger = logging.getLogger(__name__)

LONGEST_WAIT_S = 300
EMBEDDING_ATTEMPTS = 30  # about two hours: a server that is down for longer needs a person
CONTEXT_ATTEMPTS = 6
EVALUATION_ATTEMPTS = 8  # some minutes: somebody waits for the run
UPKEEP_PRIORITY = 100  # before any answer: it may be the answer's lost job that it brings back
UNEXPECTED = "Something went wrong while the file was processed. Try again; the log says what it was."


class DocumentRetry(BaseRetryStrategy):
    """Again after 1, 2, 4 ... 300 s when an embedder or the database is away; the words can be found meanwhile."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, EmbeddingError | OperationalError | InterfaceError):
            return RetryDecision(retry_in={"seconds": min(2 ** min(job.attempts, 10), LONGEST_WAIT_S)})
        return None


class AnswerRetry(BaseRetryStrategy):
    """At once elsewhere when a worker is shut down, soon when the database is away: the next one takes over."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, asyncio.CancelledError | OperationalError | InterfaceError):
            return RetryDecision(retry_in={"seconds": min(job.attempts, 10)})
        return None


@app.task(name="rag.answer", queue=ANSWERS, retry=AnswerRetry())
async def answer(message_id: int, bot_id: int) -> None:
    await answer_message(message_id, bot_id)


@app.task(name="rag.ingest_document", queue=DOCUMENTS, retry=DocumentRetry())
def ingest_document(document_id: int) -> None:
    try:
        flow.ingest_document(document_id)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        # The top of a worker: whatever a file provokes, its document must say so instead of waiting for ever.
        logger.exception("Document %s could not be ingested", document_id)
        note_problem("cmd", "INTERNAL", f"document {document_id}", place="rag.ingest_document")
        processing.fail_document(document_id, code="INTERNAL", message=UNEXPECTED)


@app.task(name="rag.embed_document", queue=DOCUMENTS, retry=DocumentRetry(), pass_context=True)
def embed_document(context: JobContext, document_id: int) -> None:
    try:
        flow.embed_document(document_id, should_stop=context.should_abort)
    except EmbeddingError as error:
        if context.job.attempts < EMBEDDING_ATTEMPTS:
            raise
        flow.fail_embedding(document_id, error)
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # as above: its document must say so
        logger.exception("Document %s could not be embedded", document_id)
        note_problem("cmd", "INTERNAL", f"document {document_id}", place="rag.embed_document")
        processing.fail_document(document_id, code="INTERNAL", message=UNEXPECTED)


@app.periodic(cron="* * * * * */5", periodic_id="stalled")
@app.task(
    name="rag.retry_stalled_jobs",
    queue=ANSWERS,
    priority=UPKEEP_PRIORITY,
    queueing_lock="rag.retry_stalled_jobs",
)
def retry_stalled_jobs(timestamp: int) -> None:
    upkeep.retry_stalled_jobs()


@app.periodic(cron="* * * * *", periodic_id="reservations")
@app.task(name="rag.give_back_expired", queue=ANSWERS, queueing_lock="rag.give_back_expired")
def give_back_expired(timestamp: int) -> None:
    """What calls had set aside of budgets whose workers died."""
    budgets.give_back_expired()


@app.periodic(cron="* * * * *", periodic_id="embedding-model")
@app.task(name="rag.follow_embedder", queue=DOCUMENTS, queueing_lock="rag.follow_embedder")
def follow_embedder(timestamp: int) -> None:
    upkeep.follow_configured_embedder()


@app.task(name="rag.build_vectors", queue=DOCUMENTS, retry=DocumentRetry(), pass_context=True)
def build_vectors(context: JobContext, model_id: int, after: int) -> None:
    building.build_vectors(model_id, after=after, should_stop=context.should_abort)


@app.periodic(cron="* * * * *", periodic_id="lexical-rules")
@app.task(name="rag.follow_lexical_rules", queue=DOCUMENTS, queueing_lock="rag.follow_lexical_rules")
def follow_lexical_rules(timestamp: int) -> None:
    reindexing.index_words_again()


@app.task(name="rag.index_words_again", queue=DOCUMENTS, retry=DocumentRetry(), pass_context=True)
def index_words_again(context: JobContext, document_id: int, first: int) -> None:
    reindexing_flow.index_words_again(document_id=document_id, first=first, should_stop=context.should_abort)


@app.task(name="rag.run_evaluation", queue=DOCUMENTS, retry=DocumentRetry(), pass_context=True)
def evaluate(context: JobContext, run_id: int) -> None:
    try:
        run_evaluation(run_id, should_stop=context.should_abort)
    except EmbeddingError as error:
        if context.job.attempts < EVALUATION_ATTEMPTS:
            raise
        evaluation.fail_evaluation(run_id, str(error))
    except (OperationalError, InterfaceError):
        raise
    except Exception:  # as above: the run must say so
        logger.exception("Evaluation %s broke off", run_id)
        note_problem("cmd", "INTERNAL", f"evaluation {run_id}", place="rag.run_evaluation")
        evaluation.fail_evaluation(run_id, "Something went wrong; the worker's log says what it was.")


@app.periodic(cron="29 * * * *", periodic_id="retired-models")
@app.task(name="rag.drop_retired_models", queue=DOCUMENTS, queueing_lock="rag.drop_retired_models")
def drop_retired_models(timestamp: int) -> None:
    embedding_models.drop_retired_models()


@app.task(name="rag.check_web_page", queue=DOCUMENTS, retry=DocumentRetry())
def check_web_page(page_id: int) -> None:
    check_page(page_id)


class ContextRetry(BaseRetryStrategy):
    """A few times within two hours while a model, an embedder or the database is away. Nobody waits for it."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        passing = (RetryableModelError, EmbeddingError, OperationalError, InterfaceError)
        if isinstance(exception, passing) and job.attempts < CONTEXT_ATTEMPTS:
            return RetryDecision(retry_in={"seconds": 60 * 2**job.attempts})
        return None


@app.task(name="rag.write_contexts", queue=DOCUMENTS, retry=ContextRetry(), pass_context=True)
async def write_contexts(context: JobContext, document_id: int, first: int) -> None:
    await contexts.write_contexts(document_id, first=first, should_stop=context.should_abort)


@app.periodic(cron="* * * * *", periodic_id="web-pages")
@app.task(name="rag.check_due_web_pages", queue=DOCUMENTS, queueing_lock="rag.check_due_web_pages")
def check_due_web_pages(timestamp: int) -> None:
    web_pages.queue_due_pages()


@app.periodic(cron="17 * * * *", periodic_id="old-jobs")
@app.task(name="rag.delete_old_jobs", queue=DOCUMENTS, queueing_lock="rag.delete_old_jobs")
def delete_old_jobs(timestamp: int) -> None:
    upkeep.delete_old_jobs()


@app.periodic(cron="23 * * * *", periodic_id="attachments")
@app.task(name="rag.delete_old_attachments", queue=DOCUMENTS, queueing_lock="rag.delete_old_attachments")
def delete_old_attachments(timestamp: int) -> None:
    """For chat, which has no jobs of its own: uploads that no message brought, and contents that nothing names."""
    while actions.remove_unposted_attachments():
        pass
    actions.remove_unused_contents()


@app.periodic(cron="41 3 * * *", periodic_id="unused-files")
@app.task(name="rag.delete_unused_files", queue=DOCUMENTS, queueing_lock="rag.delete_unused_files")
def delete_unused_files(timestamp: int) -> None:
    upkeep.delete_unused_files()
