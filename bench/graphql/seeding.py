"""What the GraphQL benchmark has in its database: that of the real-time one, with messages in all rooms."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.program import connect_embedded
from bench.side_by_side.ground import run_python

MESSAGES = 40  # of each room: twice what is asked for
_HISTORY = """
insert into chat_message (room_id, author_id, client_id, version, posted_version, text, html, created_at)
    select r.id, authors.ids[1 + (n * 7 + r.id) %% 50], 'history-' || r.id || '-' || n, n, n,
        'message ' || n || ' ' || repeat('x', 90), '<p>' || repeat('x', 100) || '</p>',
        now() - make_interval(mins => %(n)s - n)
    from chat_room r, generate_series(1, %(n)s) n,
        (select array_agg(id order by id) ids from
            (select id from chat_user where username ~ '^bench[0-9]+$' order by id limit 50) u) authors
    where r.name <> 'archive';
"""


@dataclass(frozen=True, slots=True)
class Seed:
    """Tokens are in a file, one a line, in the order of the users; everybody is in the rooms `halls`."""

    tokens: Path
    halls: list[int]

    def token(self) -> str:
        """One of them."""
        return self.tokens.read_text().split("\n", 1)[0]


def make_seed(environment: dict[str, str], folder: Path, *, users: int) -> Seed:
    """Fill the database that the environment names, the embedded one of the folder."""
    made: dict[str, Any] = json.loads(run_python(environment, "-m", "bench.realtime.seed", str(users)))
    tokens = folder / "tokens"
    tokens.write_text("\n".join(made["tokens"]) + "\n")
    with connect_embedded(folder) as connection:
        connection.execute(_HISTORY, {"n": MESSAGES})
        # Parley shows the user name of somebody without another name.
        connection.execute("update chat_user set display_name = 'Person ' || id")
        connection.execute("update chat_room set version = %s where name <> 'archive'", [MESSAGES])
        connection.execute("vacuum analyze")
    return Seed(tokens, made["halls"])
