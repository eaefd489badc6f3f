"""The settings page is complete, and a value that cannot be used is named."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(
    r"env\.(?:text|flag|integer|words|choice|folder|address|database|networks|ports)\(\s*\"([A-Z_]+)\""
)


def test_every_variable_that_is_read_is_documented_and_the_other_way_round():
    read = set(READ.findall((ROOT / "project" / "settings.py").read_text()))
    documented = set(
        re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "settings.md").read_text(), re.MULTILINE)
    )
    assert read == documented


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PORT", "eighty", "must be a whole number"),
        ("PORT", "70000", "must lie between 1 and 65535"),
        ("DEBUG", "maybe", "must be on or off"),
        ("RATE_LIMITS", "some", "must be on or off"),
        ("SOCKET_MAX_CONNECTIONS_PER_USER", "0", "must lie between 1 and 100000"),
        ("GRAPHQL_BATCH_MAX", "101", "must lie between 0 and 100"),
        ("GRAPHQL_TRUSTED_DOCUMENTS", "/nowhere/trusted.json", "No such file"),
        ("GRAPHQL_TRUSTED_DOCUMENTS", "README.md", "it is not JSON"),
        ("SECRET_KEY", "short", "at least 32 characters"),
        ("REDIS_URL", "http://localhost", "must be a URL that starts with redis:"),
        ("DATABASE_URL", "mysql://localhost/x", "must be a URL that starts with postgres:"),
        ("DATABASE_URL", "mysql://ada:pw-1@localhost/x", "must be a URL that starts with postgres:"),
        ("DATABASE_URL", "postgres://ada:pw-1@[localhost/x", "must be a URL that starts with postgres:"),
        ("DATABASE_URL", "postgres://ada:pw-1@localhost:port/x", "must be a postgres:// URL"),
        ("EMBEDDINGS_URL", "http://localhost:1", "EMBEDDINGS_MODEL: must name the model"),
        ("EMBEDDINGS_API", "cohere", "must be one of openai, voyage"),
        ("EMBEDDINGS_MODEL", "gpt-2", "without EMBEDDINGS_URL it is unset"),
    ],
)
def test_a_value_that_cannot_be_used_stops_the_start_and_is_named(name, value, reason, tmp_path):
    environment = {
        "PATH": "/usr/bin:/bin",
        "DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "project.settings",
        name: value,
    }
    run = subprocess.run(
        [sys.executable, "-c", "import django; django.setup()"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode != 0
    assert "pw-1" not in run.stderr
    assert name in run.stderr.strip().splitlines()[-1] and reason in run.stderr
