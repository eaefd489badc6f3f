"""What the real-time benchmark has in its database, as it knows it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.side_by_side.ground import run_python


@dataclass(frozen=True, slots=True)
class Seed:
    """What was made in the database; rooms by id, tokens in a file, one a line, in the order of the users.

    `halls` are rooms of all users, `floor` one of the first fifty, `desks` one for each of these fifty.
    """

    tokens: Path
    halls: list[int]
    floor: int
    desks: list[int]
    mention: str
    bot: str


def make_seed(environment: dict[str, str], folder: Path, *, users: int) -> Seed:
    """Fill the database that the environment names."""
    made: dict[str, Any] = json.loads(run_python(environment, "-m", "bench.realtime.seed", str(users)))
    tokens = folder / "tokens"
    tokens.write_text("\n".join(made.pop("tokens")) + "\n")
    return Seed(tokens=tokens, **made)
