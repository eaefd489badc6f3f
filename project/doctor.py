"""The checks of `manage.py doctor`: each gives one line, and says what to do when something is wrong."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from asgiref.sync import async_to_sync
from django.conf import settings
from django.core import checks
from django.core.management.base import SystemCheckError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from redis.exceptions import RedisError

from project import health
from rag.actions.problems import note_problem

EXTENSIONS = ("vector", "pg_trgm", "unaccent")
ENDPOINT_TIMEOUT_S = 10.0


# What is the matter with these is told by the error log, too; without a database nothing is.
CONFIGURED = frozenset({"configuration", "channel layer", "queue", "embedder", "model endpoint"})
LATEST_LINES = 3


class Problem(Exception):
    """A check failed; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    name: str
    ok: bool
    text: str


def examine() -> Iterator[Finding]:
    """Run every check, each whatever the others found; those behind a missing database say so."""
    checks_by_name: dict[str, Callable[[], str]] = {
        "configuration": check_configuration,
        "database": check_database,
        "extensions": check_extensions,
        "migrations": check_migrations,
        "channel layer": check_channel_layer,
        "queue": check_queue,
        "embedder": check_embedder,
        "embedding models": check_embedding_models,
        "model endpoint": check_model_endpoint,
        "error log": check_error_log,
    }
    for name, check in checks_by_name.items():
        try:
            yield Finding(name, True, check())
        except Problem as problem:
            yield Finding(name, False, str(problem))
            if name in CONFIGURED:
                note_problem("config", "DOCTOR", str(problem), place=name)
        except DatabaseError as error:
            yield Finding(name, False, f"the database does not answer: {_first_line(error)}")


def check_configuration() -> str:
    """Django's own checks of the project."""
    try:
        found = checks.run_checks()
    except SystemCheckError as error:
        raise Problem(str(error)) from error
    errors = [message for message in found if message.is_serious()]
    if errors:
        raise Problem("; ".join(f"{message.msg} ({message.id})" for message in errors))
    notes = [f"data in {settings.DATA_DIR}"]
    if settings.DEBUG:
        notes.append("DEBUG is on, which is for development only")
    return ", ".join(notes)


def check_database() -> str:
    """A query; the server must be recent enough."""
    with connection.cursor() as cursor:
        cursor.execute("select current_setting('server_version'), current_setting('server_version_num')::int")
        version, number = cursor.fetchone()
    if number < 150000:
        raise Problem(f"PostgreSQL {version} is too old: use 15 or newer")
    return f"PostgreSQL {version}, {'embedded' if settings.DATABASE_IS_EMBEDDED else 'from DATABASE_URL'}"


def check_extensions() -> str:
    """The extensions that the migrations make, or, before them, those the server offers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select name, installed_version from pg_available_extensions where name = any(%s)",
            [list(EXTENSIONS)],
        )
        versions = dict(cursor.fetchall())
    missing = [name for name in EXTENSIONS if name not in versions]
    if missing:
        raise Problem(f"the server lacks {', '.join(missing)}: install it there (pgvector is `vector`)")
    absent = [name for name in EXTENSIONS if not versions[name]]
    if absent:
        raise Problem(
            f"not made in this database: {', '.join(absent)}. "
            "Run `manage.py migrate`, or as a superuser: create extension ..."
        )
    return ", ".join(f"{name} {versions[name]}" for name in EXTENSIONS)


def check_migrations() -> str:
    """Whether the tables are those of this version of the program."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise Problem(f"{len(missing)} not applied: run `manage.py migrate` (`up` does it by itself)")
    return f"{len(executor.loader.applied_migrations)} applied"


def check_channel_layer() -> str:
    """A message there and back."""
    started = time.perf_counter()
    try:
        async_to_sync(_check_channel_layer)()
    except (RedisError, OSError) as error:
        raise Problem(f"no answer from Redis ({_first_line(error)}): check REDIS_URL") from error
    origin = "embedded Valkey" if settings.REDIS_IS_EMBEDDED else "from REDIS_URL"
    return f"{origin}, a message took {(time.perf_counter() - started) * 1000:.0f} ms"


async def _check_channel_layer() -> None:
    async with asyncio.timeout(health.CHECK_TIMEOUT_S):
        await health.check_channel_layer()


def check_queue() -> str:
    """Workers and waiting jobs. Without a worker jobs wait, so waiting jobs without one are a fault."""
    if "procrastinate_jobs" not in connection.introspection.table_names():
        raise Problem("its tables are missing: run `manage.py migrate`")
    jobs, workers = health.queue_counts()
    waiting = sum(count for labels, count in jobs.items() if 'status="todo"' in labels)
    if waiting and not workers:
        raise Problem(f"{waiting} jobs wait and no worker runs: start `manage.py up` or `manage.py worker`")
    return f"{workers} workers (one per process and queue), {waiting} jobs waiting"


def check_embedder() -> str:
    """The vector of a short text."""
    from rag.embeddings import EmbeddingError, configured_embedder

    embedder = configured_embedder()
    started = time.perf_counter()
    try:
        size = len(embedder.embed_query("Does the embedder answer?"))
    except EmbeddingError as error:
        variables = (
            " Check EMBEDDINGS_URL, EMBEDDINGS_API_KEY, EMBEDDINGS_MODEL." if settings.EMBEDDINGS_URL else ""
        )
        raise Problem(f"{error}{variables}") from error
    return f"{embedder.name}, {size} dimensions, {(time.perf_counter() - started) * 1000:.0f} ms with loading"


def check_embedding_models() -> str:
    """Which model answers, and how far the one is that is to take its place."""
    from rag.embeddings.active_model import active_model
    from rag.embeddings.progress import embedding_progress

    found = [progress for progress in embedding_progress() if progress.model.state in ("active", "building")]
    if not found:
        return "none in use yet: there are no documents"
    text = "; ".join(f"{progress.model} {progress.model.state}, {progress}" for progress in found)
    problems = [f"{progress.model}: {progress.model.problem}" for progress in found if progress.model.problem]
    if problems:
        raise Problem(f"{text}. {'; '.join(problems)}")
    if found[0].model.active and active_model() is None:
        raise Problem(f"{text}. {found[0].model} cannot be asked any more: words alone decide what is found")
    return text


def check_model_endpoint() -> str:
    """Whether the Messages API can be reached and takes the key; no model is called, so nothing is spent."""
    if not settings.ANTHROPIC_API_KEY and not settings.ANTHROPIC_BASE_URL:
        return "no API key: the extractive answerer answers (set ANTHROPIC_API_KEY for a language model)"
    import httpx2

    base_url = (settings.ANTHROPIC_BASE_URL or "https://api.anthropic.com").rstrip("/")
    headers = {"anthropic-version": "2023-06-01"}
    if settings.ANTHROPIC_API_KEY:
        headers |= {
            "x-api-key": settings.ANTHROPIC_API_KEY,
            "authorization": f"Bearer {settings.ANTHROPIC_API_KEY}",
        }
    try:
        response = httpx2.get(f"{base_url}/v1/models", headers=headers, timeout=ENDPOINT_TIMEOUT_S)
    except httpx2.HTTPError as error:
        raise Problem(
            f"{base_url} cannot be reached ({type(error).__name__}): check ANTHROPIC_BASE_URL"
        ) from error
    if response.status_code in (401, 403):
        raise Problem(f"{base_url} refuses the key ({response.status_code}): check ANTHROPIC_API_KEY")
    if response.status_code >= 500:
        raise Problem(f"{base_url} answers with an error ({response.status_code}): try again later")
    return f"{base_url} answers; {settings.ANTHROPIC_MODEL} is asked first"


def check_error_log() -> str:
    """What failed in the last day. No fault by itself: a file that cannot be read is not one of the installation."""
    from rag import models
    from rag.problems.lines import lines

    latest = models.Problem.objects.filter(last_seen__gte=datetime.now(UTC) - timedelta(days=1))
    count = latest.count()
    if not count:
        return "nothing failed in the last day"
    shown = "".join(f"\n    {line}" for line in islice(lines(latest), LATEST_LINES))
    return f"{count} kinds of failures in the last day (`manage.py problems` lists them all):{shown}"


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
