"""`manage.py up` as a person runs it: a process, its children, signals."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from project.embedded import processes
from project.tests.upruns import ROOT, Up, environment, tcp_listeners

LOOPBACK_HEX = "0100007F"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    up = Up(tmp_path_factory.mktemp("up") / "data").start()
    try:
        yield up.wait_until_ready()
    finally:
        up.clean_up()


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[Up]:
    up = Up(tmp_path / "data")
    yield up
    up.clean_up()


def test_it_prints_its_address_and_serves_there(running):
    assert f"Parley is ready: http://127.0.0.1:{running.port}" in running.printed()
    assert "Warning" not in running.printed()

    assert running.health() == 200


def test_it_listens_on_loopback_and_on_its_own_port_only(running):
    pids = running.everything() | {running.process.pid}

    assert set(tcp_listeners(pids)) == {(LOOPBACK_HEX, running.port)}


def test_a_second_one_on_the_same_data_is_refused(running):
    second = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env=environment(running.data_dir, PORT=str(running.port)),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert second.returncode == 1
    assert second.stderr.strip() == (
        f"Error: `up` already runs on {running.data_dir}. Stop it first, or set DATA_DIR to another folder."
    )
    assert running.health() == 200


def test_commands_use_its_services_and_leave_them_running(running):
    before = running.children()

    doctor = subprocess.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=ROOT,
        env=environment(running.data_dir),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "2 workers (one per process and queue)" in doctor.stdout
    assert running.children() == before


@pytest.mark.parametrize("name", ["project.web", "worker", "valkey", "postgres"])
def test_a_killed_child_is_started_again(running, name):
    before = running.children()

    processes.end([before[name]], [(signal.SIGKILL, 5.0)])
    deadline = time.monotonic() + 60
    while running.children().get(name) in (None, before[name]):
        assert time.monotonic() < deadline, running.printed()
        time.sleep(0.05)

    running.wait_until_healthy()
    assert {pid for kind, pid in running.children().items() if kind != name} == {
        pid for kind, pid in before.items() if kind != name
    }


def test_a_web_process_that_hangs_is_replaced(stopped):
    stopped.variables["PARLEY_SILENCE_LIMIT_S"] = "3"
    hung = stopped.start().wait_until_ready().children()["project.web"]

    time.sleep(1.5)  # it has spoken
    os.kill(hung, signal.SIGSTOP)
    deadline = time.monotonic() + 60
    while stopped.children().get("project.web") in (None, hung):
        assert time.monotonic() < deadline, stopped.printed()
        time.sleep(0.05)

    stopped.wait_until_healthy()
    assert "Warning: web process hangs: no sign of life for 3 seconds" in stopped.printed()
    assert "Warning: web process ended (SIGKILL); starting it again" in stopped.printed()
    assert stopped.stop() == 0


def test_a_taken_port_is_named_with_the_setting(stopped):
    with socket.create_server(("127.0.0.1", stopped.port)):
        stopped.start()
        code = stopped.process.wait(timeout=60)

    assert code == 1
    assert f"Port {stopped.port} on 127.0.0.1 cannot be used (Address already in use)" in stopped.printed()
    assert "Set PORT to another one" in stopped.printed()
    assert not stopped.addresses.postgres_data.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything(stopped, number):
    stopped.start().wait_until_ready()
    pids = stopped.everything()
    assert len(pids) > 6

    code = stopped.stop(number)

    assert code == 0
    assert not [pid for pid in pids if processes.is_running(pid)]
    assert "database system is shut down" in (stopped.addresses.log_dir / "postgres.log").read_text()


def test_a_signal_during_the_start_stops_everything(stopped):
    stopped.start()
    while not processes.processes_in(stopped.addresses.postgres_data):
        time.sleep(0.01)

    assert stopped.stop() == 0

    assert processes.wait_until_ended(stopped.everything(), timeout_s=60)


def test_the_next_start_takes_over_after_a_kill(stopped):
    stopped.start().wait_until_ready()
    pids = stopped.everything()

    stopped.process.kill()
    stopped.process.wait()
    again = stopped.start().wait_until_ready()

    assert again.health() == 200
    assert processes.wait_until_ended(pids - again.everything(), timeout_s=60)
    assert again.stop() == 0
