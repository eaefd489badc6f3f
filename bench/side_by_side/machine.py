"""Which core does what, and which versions are measured."""

import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from project.embedded.processes import die_with_parent


@dataclass(frozen=True, slots=True)
class Cores:
    """The server under measurement has a core of its own, and so has the load client. PostgreSQL and Valkey have what
    is left: on two cores that of the load client, the same for every server."""

    server: frozenset[int]
    load: frozenset[int]
    services: frozenset[int]

    @classmethod
    def of_this_machine(cls) -> "Cores":
        """The first core serves, the second loads."""
        cores = sorted(os.sched_getaffinity(0))
        load = cores[1] if len(cores) > 1 else cores[0]
        return cls(frozenset(cores[:1]), frozenset({load}), frozenset(cores[2:] or {load}))

    def __str__(self) -> str:
        def name(cores: frozenset[int]) -> str:
            return ",".join(map(str, sorted(cores)))

        return (
            f"server on core {name(self.server)}, load client on core {name(self.load)}, "
            f"PostgreSQL and Valkey on core {name(self.services)}"
        )


def child_setup(cores: frozenset[int], death_signal: int) -> Callable[[], None]:
    """A `preexec_fn`: the child keeps to these cores, and gets the signal when this process ends."""
    arm = die_with_parent(death_signal)

    def setup() -> None:
        os.sched_setaffinity(0, cores)
        arm()

    return setup


def versions(python: Iterable[str], node: Iterable[str], peers: Path) -> dict[str, str]:
    """Names and versions of what is measured; Node's packages only where they are installed in `peers`."""
    found = {"python": platform.python_version()}
    found |= {name: metadata.version(name) for name in python}
    for name in node:
        package = peers / "node_modules" / name / "package.json"
        if package.exists():
            found[name] = json.loads(package.read_text())["version"]
    try:
        said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return found
    return found | {"node": said.stdout.strip().removeprefix("v")}
