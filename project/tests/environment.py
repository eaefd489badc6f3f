"""What the whole suite runs on: real PostgreSQL and Valkey, started once before the settings name them."""

import os
import shutil
import tempfile
from pathlib import Path

import psycopg
from django.conf import ENVIRONMENT_VARIABLE
from django.conf import settings as django_settings
from psycopg import sql

from project.embedded.addresses import DATABASE_PORT, DATABASE_USER, Addresses, embedded_addresses
from project.embedded.provision import SUPERUSER
from project.embedded.services import Services

# A developer's own accounts are not for tests.
_NOT_FOR_TESTS = (
    *("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL"),
    *("EMBEDDINGS_URL", "EMBEDDINGS_API", "EMBEDDINGS_API_KEY", "EMBEDDINGS_MODEL"),
    *(
        "EMBEDDINGS_REQUESTS_PER_MINUTE",
        "EMBEDDINGS_TOKENS_PER_MINUTE",
        "EMBEDDINGS_PREVIOUS_API_KEY",
        "EMBEDDINGS_PREVIOUS_URL",
    ),
    *("RERANKER_URL", "RERANKER_API_KEY", "RERANKER_MODEL"),
    *("DEMO_PASSWORD", "PUBLIC_URL", "TRUSTED_PROXIES", "EMAIL_URL", "STORAGE_URL", "HOST", "PORT", "DEBUG"),
)
# The database of a test run is thrown away: it need not survive a power cut.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_STARTED_IN = "PARLEY_TEST_DATA_DIR"  # handed on to the processes of pytest-xdist


def _let_triggers_be_skipped(addresses: Addresses) -> None:
    """The program's role may do in tests what `project.tests.emptying` needs, and what it may not otherwise."""
    with psycopg.connect(
        host=str(addresses.postgres_socket_dir),
        port=DATABASE_PORT,
        user=SUPERUSER,
        password=addresses.superuser_password,
        dbname="postgres",
    ) as connection:
        role = sql.Identifier(DATABASE_USER)
        connection.execute(sql.SQL("grant set on parameter session_replication_role to {}").format(role))


class TestEnvironment:
    """The data directory and the services of one test run; `DATABASE_URL` and `REDIS_URL` take precedence."""

    __test__ = False

    def __init__(self) -> None:
        self._services: Services | None = None
        self._data_dir: Path | None = None

    def start(self) -> None:
        """Set the environment that the settings will read, and start what it names.

        Raises:
            RuntimeError: the settings have been read.
        """
        if django_settings.configured:
            raise RuntimeError(f"The settings were read already. Unset {ENVIRONMENT_VARIABLE}.")
        for name in _NOT_FOR_TESTS:
            os.environ.pop(name, None)
        # Else each process of the program that a test starts would compile the program anew.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["ENV_FILE"] = os.devnull
        os.environ[ENVIRONMENT_VARIABLE] = "project.settings"
        os.environ["RATE_LIMITS"] = (
            "off"  # tests do in a second what people do in an hour; those of limits set it on
        )
        # Parallel test processes share one Valkey, not their channels.
        os.environ["CHANNEL_PREFIX"] = f"test-{os.getpid()}"
        if _STARTED_IN not in os.environ:
            self._data_dir = Path(tempfile.mkdtemp(prefix="parley-tests-"))
            os.environ[_STARTED_IN] = str(self._data_dir)
            self._services = Services(
                embedded_addresses(self._data_dir),
                postgres=not os.environ.get("DATABASE_URL"),
                valkey=not os.environ.get("REDIS_URL"),
                postgres_settings=_FAST,
                say=lambda line: None,
            )
            self._services.start(with_parent=True)
            if not os.environ.get("DATABASE_URL"):
                _let_triggers_be_skipped(self._services.addresses)
        os.environ["DATA_DIR"] = os.environ[_STARTED_IN]
        (Path(os.environ["DATA_DIR"]) / "static").mkdir(exist_ok=True)  # whitenoise warns of a missing folder

    def leave_settings_unnamed(self) -> None:
        """Name the settings no more: a process that inherits the name would read them before it comes to `start`."""
        os.environ.pop(ENVIRONMENT_VARIABLE, None)

    def stop(self) -> None:
        """Stop and remove what this process started."""
        if self._services and self._data_dir:
            self._services.stop()
            self._services.addresses.remove()
            shutil.rmtree(self._data_dir, ignore_errors=True)
            os.environ.pop(_STARTED_IN, None)
