"""What is logged is no key to anything."""

import io
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from chat import actions
from chat.invitations import new_token
from project.log_lines import LineFormatter, without_tokens


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the program's handler would write of everything."""
    formatters: Any = settings.LOGGING["formatters"]
    assert formatters["line"]["()"] == "project.log_lines.LineFormatter"
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(LineFormatter())
    logging.getLogger().addHandler(handler)
    yield output
    logging.getLogger().removeHandler(handler)


@pytest.mark.django_db(transaction=True)
def test_the_token_of_an_invitation_is_not_logged(client, ada, logged):
    token = actions.create_invitation(ada).token

    assert client.post(f"/join/{token}/", {"username": "linus", "password": "123"}).status_code == 400
    assert client.get(f"/join/x{token}/").status_code == 404
    try:
        raise ValueError(f"GET /join/{token}/ failed")
    except ValueError:
        logging.getLogger("django.request").exception("an error at /join/%s", token)

    assert logged.getvalue().count("/join/…") >= 3
    assert token not in logged.getvalue()


@pytest.mark.parametrize(
    "address",
    """/join/{} /join/{}/ /join//{} //join/{} /join/{}?x=1 /join/{}/x /JOIN/{} /join/%2F{} /join%2f{} /join%252F{}
    /join\\{} /join/x/{} /join/?token={} /join?{} /joined/{} /invitations/{} http://testserver/join/{}""".split(),
)
def test_no_spelling_of_an_invitation_has_its_token_in_the_log(address):
    token = new_token()

    line = without_tokens(f'Not Found: {address.format(token)} "GET"')

    assert token not in line and "…" in line and line.endswith(' "GET"')


def test_other_lines_stay_as_they_are():
    for line in (f"document {'a' * 64} stored", "ada joined /rooms/7/", "Not Found: /rejoin/7"):
        assert without_tokens(line) == line


def test_a_hostile_path_is_written_in_bounded_time():
    for path in ("/" * 60_000, "/join" * 12_000, "%25" * 20_000, "/join" + "/" * 60_000):
        assert len(without_tokens(path)) <= len(path)


AS_RUNSERVER = """
import logging
from django.conf import settings
from django.utils.log import configure_logging
configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
logging.getLogger("django.server").info('"GET %s HTTP/1.1" 200 %s', "/join/secret-token/", "1234")
logging.getLogger("django.request").warning("Not Found: %s", "/join/secret-token/")
"""


def test_django_logs_through_the_same_handler_while_debugging(tmp_path):
    environment = os.environ | {
        "DEBUG": "true",
        "DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "project.settings",
    }
    run = subprocess.run(
        [sys.executable, "-c", AS_RUNSERVER],
        env=environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )

    lines = (run.stdout + run.stderr).splitlines()
    assert [line.split(" ", 3)[3] for line in lines] == [
        'django.server: "GET /join/… HTTP/1.1" 200 1234',
        "django.request: Not Found: /join/…",
    ]
