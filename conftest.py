"""Starts the suite's services before Django's settings are read, and sets Django up.

The settings module is not named in pyproject.toml: pytest-django would load it before this file could
start what it names. With `-p no:django` none of this happens, for tests of pure modules.
"""

import sys

import pytest

from project.tests.environment import TestEnvironment

_environment = TestEnvironment()

if "pytest_django.plugin" in sys.modules:
    _environment.start()
    import django
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["project.tests.hashers.QuickHasher"]
    django.setup()

pytest_plugins = ["project.tests.servers", "project.tests.programs"]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started above."""
    _environment.stop()
