"""Token buckets, and the windows in Redis that the processes of an installation share."""

import logging
import re
import socket
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from django.conf import settings

from chat.errors import RateLimited
from chat.limiting import limits
from chat.limiting.limits import LIMITS, Limiter
from chat.limiting.shared_windows import SharedWindows
from chat.limiting.token_bucket import TokenBucket

OFFICE = "192.0.2.1"


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class AtOnce(Executor):
    """Runs what it is given before it returns."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class ScriptedWindows:
    """Windows that have room or not, and keep what they are told until `answer` is called."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self._waiting: list[Any] = []

    def add(self, window, key, count, done) -> None:
        self.told.append((key, count))
        self._waiting.append(done)

    def answer(self, has_room: bool) -> None:
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done(has_room)


def passed(limiter, times, *, name="messages", **whose) -> int:
    """How many of so many events pass."""
    count = 0
    for _ in range(times):
        try:
            limiter.check(name, **whose)
        except RateLimited:
            continue
        count += 1
    return count


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def windows():
    return ScriptedWindows()


@pytest.fixture
def limiter(windows, clock):
    return Limiter(lambda: windows, clock=clock)


@pytest.fixture
def redis_windows():
    """Windows in the real Redis that nobody else uses."""
    shared = SharedWindows(settings.REDIS_URL, prefix=f"test-{token_hex(4)}", executor=AtOnce())
    yield shared
    shared.close()


# ------------------------------------------------------------------------------------------------- buckets


def test_a_bucket_gives_its_burst_and_then_its_rate():
    bucket = TokenBucket(2, 3)

    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.wait_s(10.0) == 0.5
    assert [bucket.take(10.5), bucket.take(10.5)] == [True, False]
    assert bucket.is_full(12.0) and not bucket.take(12.0, cost=4)


def test_a_clock_that_steps_back_gives_a_bucket_nothing():
    bucket = TokenBucket(1, 1)
    assert bucket.take(100.0)

    assert not bucket.take(50.0)
    assert not bucket.take(100.5)
    assert bucket.take(101.0)


# ------------------------------------------------------------------------------------------------- limiter


def test_the_table_of_the_documentation_is_the_table_that_holds():
    page = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*) \| (\d+)/s, (\d+) \|$", page, re.MULTILINE)

    assert {name: (int(rate), int(burst)) for name, _, rate, burst in rows} == {
        name: (limit.address.per_s, limit.address.burst) for name, limit in LIMITS.items()
    }
    assert {name: user for name, user, _, _ in rows} == {
        name: f"{limit.user.per_s}/s, {limit.user.burst}" for name, limit in LIMITS.items()
    } | {"handshakes": "not known yet"}


def test_a_user_gets_a_burst_and_then_twenty_messages_a_second(limiter, clock):
    assert passed(limiter, 100, user_id=1) == 60

    clock.now += 2
    assert passed(limiter, 100, user_id=1) == 40


def test_a_refusal_says_when_to_come_back(limiter, clock):
    passed(limiter, 60, user_id=1)

    with pytest.raises(RateLimited, match="Too many messages at once") as caught:
        limiter.check("messages", user_id=1)

    assert caught.value.as_dict()["retryAfter"] == 0.1
    clock.now += 0.1
    limiter.check("messages", user_id=1)


def test_users_and_limits_do_not_touch_each_other(limiter):
    passed(limiter, 100, user_id=1)

    limiter.check("messages", user_id=2)
    limiter.check("joins", user_id=1)


def test_an_address_has_what_twenty_users_have(limiter):
    admitted = sum(passed(limiter, 60, user_id=user, address=OFFICE) for user in range(1, 31))

    assert admitted == 20 * 60
    assert passed(limiter, 60, user_id=99, address="192.0.2.2") == 60


def test_an_event_that_is_refused_costs_nobody_anything(limiter):
    passed(limiter, 60, user_id=1, address=OFFICE)
    passed(limiter, 10_000, user_id=1, address=OFFICE)

    assert passed(limiter, 2000, address=OFFICE) == 20 * 60 - 60


def test_five_hundred_people_of_one_office_come_back_at_once(limiter):
    for user in range(500):
        limiter.check("handshakes", address=OFFICE)
        limiter.check("connects", address=OFFICE)
        limiter.check("connects", user_id=user)
        assert passed(limiter, 5, name="joins", user_id=user, address=OFFICE) == 5


def test_buckets_that_are_full_again_are_forgotten(limiter, clock, monkeypatch):
    monkeypatch.setattr(limits, "ACCOUNTS_MAX", 100)
    passed(limiter, 14, user_id=1)

    for number in range(1000):
        clock.now += 0.01
        limiter.check("connects", address=f"192.0.2.{number}")

    assert len(limiter._accounts) < 1001
    clock.now += limits.FORGET_EVERY_S
    limiter.check("connects", address="198.51.100.1")
    assert len(limiter._accounts) == 1


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("2001:db8:1:2:3::4", 1), "2001:db8:1:2::/64"),
        (("::ffff:192.0.2.7", 1), "192.0.2.7"),
        (("testclient", 1), "testclient"),
        (("", 0), None),
        (None, None),
    ],
)
def test_a_client_counts_by_its_network(client, address):
    assert limits.client_address({"client": client}) == address


# -------------------------------------------------------------------------------------------------- shared


def test_redis_is_told_a_quarter_of_a_burst_at_a_time(limiter, windows):
    passed(limiter, 14, user_id=1)
    assert windows.told == []

    passed(limiter, 1, user_id=1)
    assert windows.told == [(("user", "1"), 15)]

    passed(limiter, 20, user_id=1)  # while Redis has not answered, it is asked nothing more
    assert len(windows.told) == 1
    windows.answer(True)
    passed(limiter, 1, user_id=1)
    assert windows.told[1:] == [(("user", "1"), 21)]


def test_nothing_passes_while_the_shared_window_has_no_room(limiter, windows, clock):
    passed(limiter, 15, user_id=1)
    windows.answer(False)

    assert passed(limiter, 5, user_id=1) == 0
    clock.now += 15 / 20
    assert passed(limiter, 5, user_id=1) == 0  # what passed before is offered again first
    assert windows.told == [(("user", "1"), 15)] * 2
    windows.answer(True)
    assert passed(limiter, 5, user_id=1) == 5


def test_what_was_long_ago_is_not_told(limiter, windows, clock):
    passed(limiter, 14, user_id=1)
    clock.now += limits.WINDOW_S + 1

    passed(limiter, 14, user_id=1)

    assert windows.told == []


@pytest.mark.parametrize("processes", [1, 3])
def test_processes_share_what_a_user_may_do(redis_windows, clock, processes):
    limiters = [Limiter(lambda: redis_windows, clock=clock) for _ in range(processes)]
    user = LIMITS["messages"].user
    window = user.burst + user.per_s * limits.WINDOW_S

    admitted = 0
    for _ in range(int(window / processes) + 200):
        clock.now += 1 / user.per_s  # so that no bucket of a process is ever empty
        admitted += sum(passed(limiter, 1, user_id=5) for limiter in limiters)

    slack = processes * user.step
    assert window - slack <= admitted <= window + slack


# ----------------------------------------------------------------------------------------------- an outage


@pytest.fixture
def nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"redis://127.0.0.1:{port}"


def test_without_redis_each_process_counts_alone_and_says_so_once(nobody_listens, clock, caplog):
    shared = SharedWindows(nobody_listens, prefix="test", executor=AtOnce(), clock=clock)
    limiter = Limiter(lambda: shared, clock=clock)

    with caplog.at_level(logging.WARNING, "chat.limiting.shared_windows"):
        assert passed(limiter, 100, user_id=1) == 60
        clock.now += 60
        assert passed(limiter, 100, user_id=1) == 60

    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "rate limits are counted per process while Redis cannot be reached"
    ]


def test_a_redis_that_does_not_answer_holds_nobody_up(clock):
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as executor:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        shared = SharedWindows(url, prefix="test", executor=executor)
        limiter = Limiter(lambda: shared, clock=clock)

        for _ in range(10):
            clock.now += 10
            assert passed(limiter, 60, user_id=1) == 60


def test_a_count_that_fails_as_nobody_foresaw_leaves_the_process_counting_alone(
    redis_windows, clock, caplog, monkeypatch
):
    limiter = Limiter(lambda: redis_windows, clock=clock)
    asked = []

    def fail(*args, **kwargs):
        asked.append(args)
        raise ValueError("a bug")

    monkeypatch.setattr(redis_windows._windows, "hit", fail)

    assert passed(limiter, 100, user_id=1) == 60
    clock.now += 60
    before = len(asked)
    assert passed(limiter, 100, user_id=1) == 60

    assert len(asked) > before > 0  # it was told that it may ask again
    assert "could not be counted" in caplog.text


def test_redis_is_used_again_when_it_is_back(nobody_listens, redis_windows, clock, caplog):
    shared = SharedWindows(nobody_listens, prefix="test", executor=AtOnce(), clock=clock)
    limiter = Limiter(lambda: shared, clock=clock)
    passed(limiter, 15, user_id=1)
    caplog.clear()

    shared._windows = redis_windows._windows  # as if another server had begun to listen there
    clock.now += 6
    with caplog.at_level(logging.WARNING, "chat.limiting.shared_windows"):
        passed(limiter, 15, user_id=1)

    assert [record.message for record in caplog.records] == ["rate limits are counted in Redis again"]


def test_what_is_given_back_can_be_spent_again(limiter, clock):
    limiter.check("messages", user_id=1, cost=60)
    with pytest.raises(RateLimited):
        limiter.check("messages", user_id=1)

    balance = limiter.give_back("messages", 50, user_id=1, address=None)

    assert balance is not None and balance.left == 50
    limiter.check("messages", user_id=1, cost=50)
    with pytest.raises(RateLimited) as refused:
        limiter.check("messages", user_id=1, cost=10)
    assert refused.value.retry_after_s == 0.5, "10 at 20 a second"


def test_the_balance_is_that_of_who_has_less(limiter, clock):
    limiter.check("messages", user_id=1, address="192.0.2.1", cost=10)

    balance = limiter.give_back("messages", 0, user_id=1, address="192.0.2.1")

    assert balance == limits.Balance(50, LIMITS["messages"].user)
    assert limiter.give_back("messages", 0, user_id=None, address=None) is None
