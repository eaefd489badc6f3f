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
from project.log_lines import LineFormatter


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
        'django.server: "GET /join/…/ HTTP/1.1" 200 1234',
        "django.request: Not Found: /join/…/",
    ]
