"""The Procrastinate app of a process that takes jobs."""

from typing import Any

from procrastinate.contrib.django import DjangoApp, app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.psycopg_connector import PsycopgConnector


class WorkerApp(DjangoApp):
    """The tasks of the program over connections of the worker's own, given as for a psycopg pool.

    What a task defers goes through Django's connection all the same, so that it belongs to the task's transaction.
    `App.replace_connector` would change that for the whole process.
    """

    def __init__(self, **pool: Any) -> None:
        connector = PsycopgConnector(kwargs=connector_params(), **pool)
        super().__init__(connector=connector, import_paths=app.import_paths)
        self.tasks = app.tasks
        self.periodic_registry = app.periodic_registry

    def _register_builtin_tasks(self) -> None:
        """Not again: that would bind them to this app in the whole process, also when its connections are closed."""
