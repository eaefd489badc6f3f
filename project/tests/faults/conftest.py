"""Fixtures of the fault tests."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from project.tests.faults.program import Program, running_program
from project.tests.faults.run import Run, crowd

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))
StartRun = Callable[..., AbstractAsyncContextManager[Run]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat each run FAULT_ROUNDS times."""
    if ROUNDS > 1 and "start_run" in metafunc.fixturenames:
        metafunc.fixturenames.append("round")
        metafunc.parametrize("round", range(ROUNDS))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """A program for the runs of one file: each has people and rooms of its own."""
    with running_program(tmp_path_factory.mktemp("faults")) as running:
        yield running


@pytest.fixture
def start_run(program: Program, node_path: str, node_modules: Path) -> StartRun:
    """`async with start_run() as run`: a crowd in mid-traffic over the program; see `crowd`."""
    return partial(crowd, program, node_path, node_modules)
