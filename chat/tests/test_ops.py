"""The namespace `/ops`: who may watch, what they see, and when it ends."""

import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest
from django.db import OperationalError
from django.test import AsyncClient
from redis.asyncio import Redis

from chat.access import sweeps
from chat.database import run_in_db
from chat.models import SignIn, User
from chat.ops import figures, process_reports
from chat.ops.monitor import Question, current_monitor
from chat.ops.process_reports import Reporter, add_up, current_reporter
from chat.tests.socket_client import WireClient, access_token, sign_in
from chat.tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)
COOKIE_NAME = b"sessionid="


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(process_reports, "INTERVAL_S", 0.2)
    monkeypatch.setattr(process_reports, "EXPIRES_S", 1.0)
    monkeypatch.setattr(sweeps, "SWEEP_INTERVAL_S", 0.1)


@pytest.fixture(autouse=True)
async def reports(settings):
    """Redis without the reports of earlier tests, and the beginning of the keys' names."""
    keys = f"{settings.CHANNEL_PREFIX}:{{ops}}:"
    async with Redis.from_url(settings.REDIS_URL) as redis:
        await redis.delete(keys + "watched", keys + "alive", keys + "reports")
        yield redis, keys


@asynccontextmanager
async def watching(client: WireClient, auth: object):
    """The client, connected to `/ops`; its answer is read."""
    await client.send(f"40/ops,{orjson.dumps(auth).decode()}")
    yield await until(client, "40/ops,")
    await client.disconnect()


async def until(client: WireClient, prefix: str) -> str:
    """The next frame that begins so; others before it are dropped."""
    while not (frame := await client.receive()).startswith(prefix):
        assert not frame.startswith("44"), frame
    return frame


async def next_figures(client: WireClient) -> dict:
    frame = await until(client, '42/ops,["figures"')
    name, shown = orjson.loads(frame.removeprefix("42/ops,"))
    return shown


async def refusal(client: WireClient, auth: object = None) -> dict:
    await client.send("40/ops," + ("" if auth is None else orjson.dumps(auth).decode()))
    frame = await client.receive()
    assert frame.startswith("44/ops,"), frame
    await client.disconnect()
    return orjson.loads(frame.removeprefix("44/ops,"))["data"]


async def test_only_admins_may_watch(grace, ada):
    assert (await refusal(await WireClient().open()))["code"] == "UNAUTHENTICATED"
    token = await access_token(grace)
    assert (await refusal(await WireClient().open(), {"token": token}))["code"] == "FORBIDDEN"
    assert current_monitor()._watchers == set()

    async with watching(await WireClient().open(), {"token": await access_token(ada)}) as answer:
        assert answer.startswith('40/ops,{"sid":')


async def test_connecting_again_and_again_is_limited_as_in_the_chat(grace, limited):
    limited("connects", user=(0.001, 1))
    token = await access_token(grace)

    assert (await refusal(await WireClient().open(), {"token": token}))["code"] == "FORBIDDEN"
    again = await WireClient().open()
    await again.send(f'40/ops,{{"token":"{token}"}}')

    assert await again.closed() == []  # as in the chat: a stock client comes back by itself


async def test_who_connects_while_the_database_is_away_is_cut_off_and_comes_back(ada, monkeypatch):
    token = await access_token(ada)

    def away(*args):
        raise OperationalError("the database is away")

    with monkeypatch.context() as outage:
        outage.setattr("chat.ops.namespace.caller_from_handshake", away)
        client = await WireClient().open()
        await client.send(f'40/ops,{{"token":"{token}"}}')
        assert await client.closed() == []

    async with watching(await WireClient().open(), {"token": token}) as answer:
        assert answer.startswith('40/ops,{"sid":')


@pytest.mark.parametrize(
    ("origin", "code"), [(b"http://localhost", None), (b"http://evil.example", "UNAUTHENTICATED")]
)
async def test_a_session_cookie_counts_on_pages_of_this_site_only(ada, origin, code):
    browser = AsyncClient()
    await browser.aforce_login(ada)
    cookie = COOKIE_NAME + browser.cookies["sessionid"].value.encode()
    client = await WireClient((b"cookie", cookie), (b"origin", origin)).open()

    if code:
        assert (await refusal(client))["code"] == code
    else:
        async with watching(client, {}):
            assert (await next_figures(client))["total"]["processes"] == 1


async def test_figures_are_those_of_what_goes_on(ada, grace, general):
    chatting = await sign_in(grace)
    await chatting.emit("join-room", str(general.pk))
    client = await WireClient().open()
    async with watching(client, {"token": await access_token(ada)}):
        shown = await next_figures(client)
        before, [process] = shown["total"], shown["processes"]
        polling = process["polling"]  # sessions that other tests left behind linger for some seconds

        for n in range(3):
            assert (await chatting.emit("send-message", str(general.pk), f"number {n}"))["ok"]
        assert not (await chatting.emit("no-such-event"))["ok"]
        for _ in range(3):
            await chatting.event("new-message")

        shown = await next_figures(client)
        while shown["total"]["messagesPosted"] < before["messagesPosted"] + 3:
            shown = await next_figures(client)
        [process] = shown["processes"]
        assert process["id"] == current_reporter().id
        assert process["websockets"] == 2 and process["polling"] <= polling
        assert (process["usersOnline"], process["roomsListened"]) == (1, 1)
        assert shown["total"]["eventsDelivered"] >= before["eventsDelivered"] + 3
        assert process["messagesPostedPerS"] > 0
        assert process["residentBytes"] > 10_000_000
        assert shown["services"]["database"]["up"] and shown["services"]["redis"]["up"]
        assert shown["shared"]["jobs"]["answers"] == {"waiting": 0, "running": 0, "failed": 0}
    await chatting.disconnect()


def _demote(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=False, is_superuser=False)


def _sign_out(user: User) -> None:
    SignIn.objects.filter(user=user).update(revoked_at="2026-01-01T00:00Z")


@pytest.mark.parametrize("end", [_demote, _sign_out])
async def test_watching_ends_with_the_right_to_it(ada, end):
    client = await WireClient().open()
    async with watching(client, {"token": await access_token(ada)}):
        await next_figures(client)

        await run_in_db(end, ada)

        assert "UNAUTHENTICATED" in await until(client, '42/ops,["session-ended"')
        assert await until(client, "41/ops,") == "41/ops,"
    assert current_reporter()._listeners == set()


async def test_who_is_no_admin_any_more_goes_on_chatting(ada, general):
    client = await sign_in(ada)
    async with watching(client, {"token": await access_token(ada)}):
        await run_in_db(_demote, ada)
        await until(client, "41/ops,")

        assert (await client.emit("join-room", str(general.pk)))["ok"]


async def test_leaving_one_namespace_leaves_the_other(ada, general):
    client = await sign_in(ada)
    async with watching(client, {"token": await access_token(ada)}):
        await client.send("41/ops,")
        assert (await client.emit("join-room", str(general.pk)))["ok"]
        assert current_reporter()._listeners == set()

        await client.send("41")
        await client.send(f'40/ops,{{"token":"{await access_token(ada)}"}}')
        await until(client, "40/ops,")
        assert (await next_figures(client))["total"]["processes"] == 1


async def test_processes_see_each_other_and_a_dead_one_disappears(ada):
    client = await WireClient().open()
    async with watching(client, {"token": await access_token(ada)}):
        other = Reporter()
        other.start()
        shown = await next_figures(client)
        while len(shown["processes"]) < 2:
            shown = await next_figures(client)
        assert [process["id"] for process in shown["processes"]] == [current_reporter().id, other.id]
        websockets = shown["processes"][0]["websockets"]
        assert shown["total"]["websockets"] == 2 * websockets  # both count this loop's

        assert other._task is not None
        other._task.cancel()
        while len(shown["processes"]) > 1:
            shown = await next_figures(client)


async def test_a_process_reports_only_while_somebody_watches(ada, reports):
    redis, keys = reports
    reporter = current_reporter()
    reporter.start()
    await asyncio.sleep(3 * process_reports.INTERVAL_S)
    assert await redis.exists(keys + "reports") == 0

    await redis.set(keys + "watched", 1)
    async with asyncio.timeout(60):
        while not await redis.hexists(keys + "reports", reporter.id):  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("report", [b"{}", b"[]", b"\xff", b'{"id":"old","pid":"?","host":1}'])
async def test_a_report_of_another_version_is_left_out_and_the_others_go_on(ada, reports, report):
    redis, keys = reports
    await redis.zadd(keys + "alive", {"old": 9e12})
    await redis.hset(keys + "reports", "old", report)

    client = await WireClient().open()
    async with watching(client, {"token": await access_token(ada)}):
        shown = [await next_figures(client) for _ in range(3)]

    assert [[process["id"] for process in one["processes"]] for one in shown] == [[current_reporter().id]] * 3


async def test_a_listener_that_fails_does_not_end_the_reports(monkeypatch, caplog):
    heard = []

    def listen(reports) -> None:
        heard.append(reports)
        raise ValueError("a bug")

    reporter = Reporter()
    reporter.add_listener(listen)

    await eventually(lambda: len(heard) > 1)

    assert "could not be reported" in caplog.text
    assert reporter._task is not None
    reporter._task.cancel()


async def test_without_redis_a_process_still_shows_itself(ada, settings):
    settings.REDIS_URL = "redis://127.0.0.1:9/0"

    shown = await current_monitor().figures()

    assert [process["id"] for process in shown["processes"]] == [current_reporter().id]
    assert shown["services"]["redis"] == {"up": False, "pingMs": None}
    assert shown["services"]["database"]["up"]


async def test_what_hangs_is_asked_once():
    asked, answer = [], asyncio.get_running_loop().create_future()

    async def ask() -> int:
        asked.append(1)
        return await answer

    question = Question(ask)
    first = await asyncio.wait_for(question.answer(), 60)
    second = asyncio.create_task(question.answer())
    await asyncio.sleep(0)
    answer.set_result(7)

    assert not first.came and (await second)[:2] == (True, 7)
    assert asked == [1]


def test_totals_are_sums_or_maxima():
    one = {"websockets": 3, "loopLagSeconds": 0.5, "messagesPosted": 10, "messagesPostedPerS": 1.5}
    other = {"websockets": 4, "loopLagSeconds": 0.1, "messagesPosted": 1, "messagesPostedPerS": 0.25}

    total = add_up([one, other])

    assert {name: total[name] for name in one} == {
        "websockets": 7,
        "loopLagSeconds": 0.5,
        "messagesPosted": 11,
        "messagesPostedPerS": 1.75,
    }
    assert total["processes"] == 2


def test_a_figure_has_one_reader():
    taken = figures.all_figures()[0]
    with pytest.raises(ValueError, match=taken.name):
        figures.register_figure(taken)


def test_a_bug_in_shared_figures_costs_only_those(monkeypatch, caplog):
    monkeypatch.setattr(figures, "_shared", {"broken": lambda: 1 / 0, "sound": lambda: {"n": 1}})

    assert figures.read_shared_figures() == {"broken": None, "sound": {"n": 1}}
    assert "the figures broken could not be read" in caplog.text
