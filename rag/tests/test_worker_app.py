from procrastinate.contrib.django import app

from rag.jobs.worker_app import WorkerApp


def test_a_worker_leaves_every_task_with_the_app_that_defers_it():
    worker_app = WorkerApp(min_size=1, max_size=1)

    assert worker_app.tasks is app.tasks
    assert {task.blueprint.job_manager for task in app.tasks.values()} == {app.job_manager}
