"""Finds events that were never announced: the process that should have done so was killed right after its commit.

Every few seconds one query reads the versions of all rooms that somebody here listens to. What the database has and
the hub has not handed on is missed like an event that the channel layer lost.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Protocol

from django.db import Error as DatabaseError

from chat.cancellation import is_cancelled
from chat.database import run_in_db
from chat.live.groups import room_group, room_of_group
from chat.models import Room

log = logging.getLogger(__name__)
INTERVAL_S = 3.0


class Watched(Protocol):
    """The hub, as far as it is looked at here."""

    def groups(self) -> list[str]: ...
    def note_stored(self, versions: Mapping[str, int]) -> None: ...


async def watch_versions(hub: Watched) -> None:
    """Compare until the task is cancelled."""
    while not is_cancelled():
        await asyncio.sleep(INTERVAL_S)
        try:
            await compare_versions(hub)
        except DatabaseError as error:  # the next look finds what this one would have
            log.warning("the versions of the rooms could not be read: %s", error)
        except Exception:  # without this loop an event that was never announced would stay unseen
            log.exception("the versions of the rooms could not be compared; the next look tries again")


async def compare_versions(hub: Watched) -> None:
    """Tell the hub at which versions its rooms are.

    Raises:
        django.db.Error: the database does not say.
    """
    room_ids = [room_id for group in hub.groups() if (room_id := room_of_group(group)) is not None]
    if room_ids:
        versions = await run_in_db(_read_versions, room_ids)
        hub.note_stored({room_group(room_id): version for room_id, version in versions.items()})


def _read_versions(room_ids: list[int]) -> dict[int, int]:
    return dict(Room.objects.filter(pk__in=room_ids).values_list("pk", "version"))
