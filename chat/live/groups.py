"""Names of the channel layer's groups."""

_ROOM = "room."
MEMBERSHIPS = "memberships"  # one for all rooms: each process knows which users it serves

# Each process that listens to anything; its messages say of which groups they tell.
EVERY_PROCESS = "processes"


def room_group(room_id: int | str) -> str:
    """The group of everything that happens in a room."""
    return f"{_ROOM}{room_id}"


def room_of_group(group: str) -> int | None:
    """The id of the room whose group that is; None if it is another kind of group."""
    number = group.removeprefix(_ROOM)
    return int(number) if number != group and number.isdecimal() else None
