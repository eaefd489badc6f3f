"""Health endpoints, doctor and worker."""

import asyncio
from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from redis.asyncio import Redis

from chat.counters import counters
from chat.database import run_in_db
from project import doctor
from project.management.commands import worker
from rag.actions.problems import note_problem
from rag.jobs.worker_app import WorkerApp

pytestmark = pytest.mark.django_db(transaction=True)
OLD_JOBS = "builtin:procrastinate.builtin_tasks.remove_old_jobs"
NOBODY_LISTENS = "http://127.0.0.1:9"


@pytest.fixture
def no_redis(settings):
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": ["unix:///nonexistent.sock"]},
        }
    }


async def test_live_answers(async_client):
    response = await async_client.get("/health/live")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_ready_names_what_it_checked(async_client):
    response = await async_client.get("/health/ready")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "checks": {"database": "ok", "channelLayer": "ok", "queue": "ok"},
    }


async def test_asking_often_leaves_nothing_behind_in_redis(async_client, settings):
    async with Redis.from_url(settings.REDIS_URL) as redis:
        await async_client.get("/health/ready")
        before = [len(await redis.client_list()), await redis.execute_command("pubsub", "channels")]

        for _ in range(20):
            assert (await async_client.get("/health/ready")).status_code == 200

        after = [len(await redis.client_list()), await redis.execute_command("pubsub", "channels")]
    assert after[0] <= before[0] + 2 and after[1] == before[1]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_ready_is_503_without_a_channel_layer(async_client, no_redis):
    response = await async_client.get("/health/ready")

    assert response.status_code == 503
    checks = response.json()["checks"]
    assert (checks["database"], checks["queue"]) == ("ok", "ok")
    assert checks["channelLayer"] != "ok"


async def test_metrics_count_jobs_by_queue_and_status(async_client):
    await app.configure_task("no.such.task", queue="documents").defer_async()

    response = await async_client.get("/metrics")

    lines = response.content.decode().splitlines()
    assert response["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'parley_jobs{queue="documents",status="todo"} 1' in lines
    assert "parley_database_up 1" in lines
    resident = next(line for line in lines if line.startswith("process_resident_memory_bytes "))
    assert float(resident.split()[1]) > 10_000_000


async def test_metrics_have_the_figures_of_the_live_page(async_client):
    counters.count_posted(3)
    posted = counters.messages_posted

    response = await async_client.get("/metrics")

    lines = response.content.decode().splitlines()
    assert f"parley_messages_posted_total {posted}" in lines
    assert "# TYPE parley_messages_posted_total counter" in lines
    assert "# TYPE parley_users_online gauge" in lines
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names)) and "parley_loop_lag_seconds" in names


def test_doctor_finds_nothing_wrong_without_an_api_key(capsys):
    call_command("doctor")

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert all(line.startswith("ok") for line in lines)
    assert "no API key: the extractive answerer answers" in lines[-2]
    assert "nothing failed in the last day" in lines[-1]


def test_doctor_shows_the_latest_of_the_error_log(capsys):
    note_problem("tool", "MODEL_TIMEOUT", "It took 90 s.", place="claude")
    call_command("doctor")
    lines = capsys.readouterr().out.splitlines()
    assert "1 kinds of failures in the last day" in lines[-2]
    assert "[tool] Error: MODEL_TIMEOUT (claude): It took 90 s. | Correct: Ask again later" in lines[-1]


def test_doctor_fails_and_names_the_variable_of_an_unreachable_endpoint(capsys, settings):
    settings.ANTHROPIC_BASE_URL = NOBODY_LISTENS

    with pytest.raises(SystemExit) as stopped:
        call_command("doctor")

    assert stopped.value.code == 1
    failed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAIL")]
    assert len(failed) == 1
    assert f"{NOBODY_LISTENS} cannot be reached" in failed[0]
    assert "check ANTHROPIC_BASE_URL" in failed[0]


def test_doctor_names_redis_when_it_is_away(no_redis):
    findings = {finding.name: finding for finding in doctor.examine()}

    assert not findings["channel layer"].ok
    assert "check REDIS_URL" in findings["channel layer"].text
    assert findings["database"].ok


def test_doctor_fails_when_jobs_wait_and_no_worker_runs():
    app.configure_task("no.such.task", queue="documents").defer()

    with pytest.raises(doctor.Problem, match="1 jobs wait and no worker runs"):
        doctor.check_queue()


@pytest.fixture
async def worker_that_never_polls(transactional_db, monkeypatch):
    monkeypatch.setattr(worker, "POLL_INTERVAL_S", 3600.0)
    worker_app = WorkerApp(min_size=1, max_size=4)
    async with worker_app.open_async():
        serving = asyncio.create_task(worker._serve(worker_app, "answers", 1))
        await eventually_in_db(_somebody_listens)
        yield
        serving.cancel()
        await asyncio.wait([serving])


def _somebody_listens() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and query ilike 'listen %%'"
        )
        return cursor.fetchone()[0] > 0


def _jobs_wait() -> bool:
    return ProcrastinateJob.objects.filter(task_name=OLD_JOBS, status__in=["todo", "doing"]).exists()


async def eventually_in_db(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not await run_in_db(condition):  # noqa: ASYNC110 - another process, and the database tells nobody
            await asyncio.sleep(0.02)


async def test_a_worker_hears_of_new_jobs_and_need_not_poll(worker_that_never_polls):
    for _ in range(3):  # the first may be found as the worker starts
        await run_in_db(lambda: app.configure_task(OLD_JOBS, queue="answers").defer(max_hours=24))
        await eventually_in_db(lambda: not _jobs_wait())


def test_a_worker_stops_when_told(start_parley_worker):
    process = start_parley_worker()

    assert process.stop() == 0
