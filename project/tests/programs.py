"""Fixtures for programs that a machine may lack.

A test without its program is skipped, and fails with CI=true.
"""

import os
import shutil
from pathlib import Path

import pytest

NODE_DIR = Path(__file__).resolve().parent / "node"


def _missing(what: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing, and CI=true allows no absence")
    pytest.skip(f"{what} is missing on this machine")


def _program(what: str, *names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        _missing(what)
    return str(found)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The Chromium that browser tests drive. As root it needs `--no-sandbox`."""
    return _program("Chromium", "chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def node_path() -> str:
    """The `node` command."""
    return _program("Node", "node", "nodejs")


@pytest.fixture(scope="session")
def node_modules(node_path: str) -> Path:
    """The installed npm packages of the tests, for NODE_PATH; `make test` installs them."""
    folder = NODE_DIR / "node_modules"
    if not folder.is_dir():
        _missing("project/tests/node/node_modules (npm packages of the tests)")
    return folder
