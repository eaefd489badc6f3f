"""Enqueueing jobs, by name and in the transaction of what they are about."""

from typing import Any

from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.jobs import Job
from procrastinate.manager import JobManager

ANSWERS = "answers"
DOCUMENTS = "documents"


def enqueue(task: str, *, queue: str, priority: int = 0, **arguments: Any) -> None:
    """Add a job: gone if the surrounding transaction rolls back, there when it commits. Higher priorities run first.

    It goes through Django's connection on purpose, also inside a worker, whose own connector has another one.
    """
    job = Job(
        id=None,
        queue=queue,
        task_name=task,
        task_kwargs=arguments,
        priority=priority,
        lock=None,
        queueing_lock=None,
    )
    JobManager(DjangoConnector()).defer_job(job)
