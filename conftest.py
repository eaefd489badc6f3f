"""Starts the suite's services before Django's settings are read, and sets Django up.

The settings module is not named in pyproject.toml: pytest-django would load it before this file could
start what it names. With `-p no:django` none of this happens, for tests of pure modules.
"""

import sys
from collections.abc import Iterator

import pytest

from project.tests.environment import TestEnvironment
from project.tests.suite_order import place

_environment = TestEnvironment()

if "pytest_django.plugin" in sys.modules:
    _environment.start()
    import django
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["project.tests.hashers.QuickHasher"]
    django.setup()

    from chat import database
    from project.tests.database_threads import GuardedThreads, guarded
    from project.tests.emptying import empty_tables_after_tests

    _threads = database._THREADS = GuardedThreads()
    empty_tables_after_tests(_threads.wait_until_idle)

    @pytest.fixture(autouse=True)
    def database_threads(request: pytest.FixtureRequest) -> Iterator[None]:
        """Only tests that commit may use the database threads."""
        yield from guarded(_threads, request)


pytest_plugins = [
    "chat.tests.people",
    "chat.tests.limited",
    "chat.tests.node_client",
    "project.tests.servers",
    "project.tests.programs",
]


def pytest_configure(config: pytest.Config) -> None:
    """The order of files is that of `project.tests.suite_order`, also for pytest-xdist."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the files that take long."""
    items.sort(key=lambda item: place(item.path.relative_to(config.rootpath)))


@pytest.hookimpl(optionalhook=True)  # there is no such hook without pytest-xdist
def pytest_xdist_setupnodes() -> None:
    """Just before the parallel processes are started, which inherit this environment."""
    _environment.leave_settings_unnamed()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started above."""
    _environment.stop()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker) -> Iterator[None]:
    """Before the test database is removed, end the connections that threads of async tests still hold."""
    yield
    from django.db import connection

    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
