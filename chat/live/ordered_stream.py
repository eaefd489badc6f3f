"""The events of one group in the order of their versions, each once, whatever the way here does to them. Pure."""

from collections.abc import Iterable, Iterator
from itertools import chain

from chat.live.delivery import Delivery


class OrderedStream:
    """Takes events as they arrive, gives them as they may be handed on. It keeps no time: its owner loses patience.

    An event without a version keeps its place behind the versions that arrived before it: a delta never overtakes the
    message that it belongs to.

    Attributes:
        position: everything up to this version was handed on, or was read by whoever listens; None if nothing is known.
        highest: the highest version that is known to exist.
        parked: how many versions wait above a hole.
    """

    __slots__ = ("_waiting", "highest", "position")

    def __init__(self) -> None:
        self.position: int | None = None
        self.highest = 0
        self._waiting: dict[int, list[Delivery]] = {}  # above a hole: a version, and what follows it

    @property
    def parked(self) -> int:
        return len(self._waiting)

    @property
    def has_hole(self) -> bool:
        """Whether a version that exists has not arrived."""
        return self.position is not None and self.position < self.highest

    def take(self, delivery: Delivery) -> Iterable[Delivery]:
        """What may be handed on now that this has arrived, in order. `position` rises as it is taken from here."""
        version = delivery.version
        if version is None:
            if not self._waiting:
                return (delivery,)
            self._waiting[max(self._waiting)].append(delivery)
            return ()
        if self.position is None:
            self.position = version - 1
        if version <= self.position or version in self._waiting:
            return ()
        self.highest = max(self.highest, version)
        if version > self.position + 1:
            self._waiting[version] = [delivery]
            return ()
        self.position = version
        return chain((delivery,), self._follow()) if self._waiting else (delivery,)

    def _follow(self) -> Iterator[Delivery]:
        assert self.position is not None
        while (next_ones := self._waiting.pop(self.position + 1, None)) is not None:
            self.position += 1
            yield from next_ones

    def expect(self, version: int) -> None:
        """Say that the version exists: it and those before it arrive, or are missed. The first one is the start."""
        if self.position is None:
            self.position = version
        self.highest = max(self.highest, version)

    def give_up(self) -> list[Delivery]:
        """Stop waiting for what is missing: whoever listens reads up to `highest`. Gives what no read can show."""
        left = self._take_unversioned()
        self.position = self.highest
        return left

    def start_anew(self) -> list[Delivery]:
        """Forget the position: nobody knows what was lost, and everybody reads. Gives what no read can show."""
        left = self._take_unversioned()
        self.position, self.highest = None, 0
        return left

    def _take_unversioned(self) -> list[Delivery]:
        left = [
            one for version in sorted(self._waiting) for one in self._waiting[version] if one.version is None
        ]
        self._waiting.clear()
        return left
