"""What the live page of the admin (`chat.ops.namespace`) and Prometheus (`/metrics`) show.

A figure is a number that every process has; it is read when somebody asks for it, on the event loop. Shared figures are
about what all processes have in common, and come from the database. Other apps register theirs of both kinds.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from django.db import Error as DatabaseError

from chat.counters import counters
from chat.live.groups import room_of_group
from chat.live.hub import current_hub
from chat.live.presence import current_presence

log = logging.getLogger(__name__)
Kind = Literal["gauge", "counter"]
Shared = Mapping[str, Any]
STARTED_AT = time.time()
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that has a number in every process.

    Attributes:
        name: in snake case, with its unit.
        meaning: a sentence, for Prometheus.
        kind: a counter only grows, and gets a rate.
        read: gives the number at once.
        total: what several processes make of their numbers.
    """

    name: str
    meaning: str
    kind: Kind
    read: Callable[[], float]
    total: Callable[[Iterable[float]], float] = sum

    @property
    def wire_name(self) -> str:
        """The name in camel case, as in everything that clients get."""
        first, *others = self.name.split("_")
        return first + "".join(map(str.capitalize, others))


_figures: dict[str, Figure] = {}
_shared: dict[str, Callable[[], Shared]] = {}


def register_figure(figure: Figure) -> None:
    """Show this one with the others.

    Raises:
        ValueError: there is one of that name.
    """
    if figure.name in _figures:
        raise ValueError(f"the figure {figure.name} is registered already")
    _figures[figure.name] = figure


def all_figures() -> list[Figure]:
    """Every figure, in the order of registration."""
    return list(_figures.values())


def read_figures() -> dict[str, float]:
    """The numbers of this process by the figures' names."""
    return {name: figure.read() for name, figure in _figures.items()}


def register_shared_figures(name: str, read: Callable[[], Shared]) -> None:
    """Show what `read` gives (wire form) under that name; it runs in a database thread.

    Raises:
        ValueError: there are some of that name.
    """
    if name in _shared:
        raise ValueError(f"the figures {name} are registered already")
    _shared[name] = read


def read_shared_figures() -> dict[str, Shared | None]:
    """All shared figures by their names; None where they could not be read."""
    return {name: _read(name, read) for name, read in _shared.items()}


def _read(name: str, read: Callable[[], Shared]) -> Shared | None:
    try:
        return read()
    except DatabaseError as error:
        log.debug("the figures %s could not be read: %s", name, error)
    except Exception:  # another app's bug must not cost the page its other figures
        log.exception("the figures %s could not be read", name)
    return None


def resident_bytes() -> int:
    """The memory of this process that is in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


def _rooms_listened() -> int:
    return sum(room_of_group(group) is not None for group in current_hub().groups())


for _figure in (
    Figure("users_online", "Users with a live connection.", "gauge", lambda: current_presence().user_count),
    Figure("rooms_listened", "Rooms that somebody listens to.", "gauge", _rooms_listened),
    Figure("messages_posted", "New messages stored.", "counter", lambda: counters.messages_posted),
    Figure("events_delivered", "Events handed to listeners.", "counter", lambda: counters.events_delivered),
    Figure("slow_readers", "Connections cut off for not reading.", "counter", lambda: counters.slow_readers),
    Figure(
        "rate_limited",
        "Requests that a limit refused.",
        "counter",
        lambda: counters.rate_limited,
    ),
    Figure("resident_bytes", "Resident memory.", "gauge", resident_bytes),
):
    register_figure(_figure)
