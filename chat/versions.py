"""Which versions of a room have been seen. Events may arrive twice, out of order, or not at all."""


class VersionTrack:
    """Every version up to `floor` has been seen, and those of `ahead`, all of which lie above it."""

    __slots__ = ("ahead", "floor")

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self.ahead: set[int] = set()

    def add(self, version: int) -> bool:
        """Note a version; false if it had been seen before."""
        if version <= self.floor or version in self.ahead:
            return False
        self.ahead.add(version)
        self._close_up()
        return True

    def reach(self, floor: int) -> None:
        """Count everything up to `floor` as seen, for instance because the database was read at that version."""
        if floor > self.floor:
            self.floor = floor
            self.ahead = {version for version in self.ahead if version > floor}
            self._close_up()

    def _close_up(self) -> None:
        while self.floor + 1 in self.ahead:
            self.floor += 1
            self.ahead.remove(self.floor)
