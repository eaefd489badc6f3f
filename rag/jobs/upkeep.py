"""What keeps jobs and vectors in order without anybody asking. Run by periodic jobs."""

import logging
from datetime import timedelta
from itertools import islice

from django.db import connection
from django.utils import timezone

from chat.files import stored_names
from rag.actions import embedding_models
from rag.actions.documents import remove_unused_files
from rag.embeddings import EmbeddingError, configured_embedder
from rag.embeddings.configuration import configured_source
from rag.ingestion import bulk
from rag.models import Document

logger = logging.getLogger(__name__)

# Three heartbeats of 3 s (manage.py worker) and a bit: a worker that is only slow is not taken for dead.
STALLED_AFTER_S = 10.0
KEEP_FINISHED_JOBS_DAYS = 14
# A file is stored just before its row is committed: a young one without a row may be about to get it.
KEEP_UNUSED_FILES = timedelta(hours=1)
_NAMES_PER_QUERY = 1000

# One statement, so that two workers cannot bring the same job back twice, the second time from under a third that
# has begun it. Procrastinate announces new jobs, but not returned ones: hence the NOTIFY, which its workers listen to.
_RETRY_STALLED = """
WITH stalled AS MATERIALIZED (
    SELECT j.id FROM procrastinate_jobs j
    WHERE j.status = 'doing' AND NOT EXISTS (
        SELECT FROM procrastinate_workers w WHERE w.id = j.worker_id
        AND w.last_heartbeat >= now() - make_interval(secs => %s))
    ORDER BY j.id FOR UPDATE OF j SKIP LOCKED
), returned AS (
    UPDATE procrastinate_jobs j
    SET status = (CASE WHEN j.abort_requested THEN 'failed' ELSE 'todo' END)::procrastinate_job_status,
        attempts = j.attempts + 1, scheduled_at = now(), worker_id = NULL
    FROM stalled WHERE j.id = stalled.id AND j.status = 'doing'
    RETURNING j.id, j.queue_name, j.task_name
)
SELECT id, task_name,
       pg_notify('procrastinate_queue_v1#' || queue_name, json_build_object('type', 'job_inserted', 'job_id', id)::text)
FROM returned ORDER BY id
"""


def retry_stalled_jobs(*, stalled_after_s: float = STALLED_AFTER_S) -> list[int]:
    """Return jobs of workers without a heartbeat for so long to their queues. Gives the jobs' ids.

    A job may then run a second time while its first worker, merely frozen, wakes up again: jobs lock what they change
    and look how far it is (rag/actions/processing.py).
    """
    with connection.cursor() as cursor:
        cursor.execute(_RETRY_STALLED, [stalled_after_s])
        jobs = cursor.fetchall()
        cursor.execute("SELECT procrastinate_prune_stalled_workers_v1(%s)", [stalled_after_s * 3])
    for job_id, task, _ in jobs:
        logger.warning("Job %s (%s) was left by its worker and is tried again", job_id, task)
    return [job_id for job_id, _, _ in jobs]


def follow_configured_embedder() -> None:
    """Have the configured embedder's model built where it is not the active one; that answers until it is whole.

    First the indexes that a killed load left unmade.
    """
    bulk.mend_indexes()
    embedder, source = configured_embedder(), configured_source()
    if embedding_models.keep_active_model(embedder.name, source=source):
        return
    try:
        embedding_models.build_embedding_model(embedder.name, embedder.dimensions, source=source)
    except (EmbeddingError, embedding_models.DimensionsChanged) as error:
        logger.error("The configured embedder cannot be used: %s", error)


def delete_old_jobs(*, keep_days: int = KEEP_FINISHED_JOBS_DAYS) -> int:
    """Remove jobs that ended so long ago, with their events. Gives their number."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate_jobs j WHERE j.status NOT IN ('todo', 'doing') AND NOT EXISTS ("
            " SELECT FROM procrastinate_events e WHERE e.job_id = j.id AND e.at > now() - make_interval(days => %s))",
            [keep_days],
        )
        return cursor.rowcount


def delete_unused_files(*, keep: timedelta = KEEP_UNUSED_FILES) -> int:
    """Remove originals older than `keep` that no document names. Gives their number.

    They are left by a collection that was deleted with its room or in the admin, and by a process that was killed.
    """
    names, removed = stored_names(before=timezone.now() - keep), 0
    while batch := list(islice(names, _NAMES_PER_QUERY)):
        used = set(Document.objects.filter(file__in=batch).values_list("file", flat=True))
        removed += remove_unused_files(name for name in batch if name not in used)
    if removed:
        logger.info("%s files that no document names were removed", removed)
    return removed
