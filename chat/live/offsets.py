"""How far a client got in each of its rooms, as the string that stock Socket.IO clients keep and send back. Pure.

`7:120,9:44` says: version 120 in room 7 and version 44 in room 9. Ids ascend, so equal positions give equal strings.
"""

import re
from collections.abc import Mapping

OFFSET_MAX_CHARACTERS = 100_000
NUMBER_MAX = 2**63 - 1
_PAIR = re.compile(r"([1-9][0-9]{0,18}):(0|[1-9][0-9]{0,18})", re.ASCII)


def format_offset(positions: Mapping[int, int]) -> str:
    """The offset of positions (room id to version); empty for none."""
    return ",".join(f"{room_id}:{positions[room_id]}" for room_id in sorted(positions))


def parse_offset(text: object) -> dict[int, int] | None:
    """Room ids and versions, or None for anything that `format_offset` does not give."""
    if not isinstance(text, str) or len(text) > OFFSET_MAX_CHARACTERS:
        return None
    positions: dict[int, int] = {}
    highest = 0
    for pair in text.split(",") if text else ():
        match = _PAIR.fullmatch(pair)
        if match is None:
            return None
        room_id, version = int(match[1]), int(match[2])
        if not highest < room_id <= NUMBER_MAX or version > NUMBER_MAX:
            return None
        highest = room_id
        positions[room_id] = version
    return positions
