"""Fixtures for programs that a machine may lack.

A test without its program is skipped, and fails with CI=true.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NODE_DIR = Path(__file__).resolve().parent / "node"
REACT_EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "react"
GRAPHQL_NODE_DIR = Path(__file__).resolve().parents[2] / "gql" / "tests" / "node"


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


@pytest.fixture(scope="session")
def graphql_node_dir(node_path: str) -> Path:
    """The folder of the stock GraphQL clients, with their npm packages; `make test` installs them."""
    if not (GRAPHQL_NODE_DIR / "node_modules").is_dir():
        _missing("gql/tests/node/node_modules (npm packages of the GraphQL tests)")
    return GRAPHQL_NODE_DIR


@pytest.fixture(scope="session")
def built_react_example(node_path: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The React example as Vite builds it; `make test` installs its npm packages."""
    if not (REACT_EXAMPLE / "node_modules").is_dir():
        _missing("examples/react/node_modules (npm packages of the example)")
    folder = tmp_path_factory.mktemp("react")
    vite = REACT_EXAMPLE / "node_modules" / "vite" / "bin" / "vite.js"
    subprocess.run(
        [node_path, vite, "build", "--outDir", folder, "--emptyOutDir", "--logLevel", "warn"],
        cwd=REACT_EXAMPLE,
        check=True,
    )
    return folder
