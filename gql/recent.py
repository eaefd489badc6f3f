"""What was used last, kept within bounds. Pure."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def _one(value: object) -> int:
    return 1


class Recent(Generic[K, V]):
    """Values by key. Those that were not used for the longest time go when the others need the room.

    Args:
        max_weight: of all values together, of which `weigh` gives the weight of one; without it they are counted.
        max_values: how many there are at most, whatever they weigh.
    """

    def __init__(
        self, max_weight: int, weigh: Callable[[V], int] = _one, *, max_values: int | None = None
    ) -> None:
        self._max_weight = max_weight
        self._max_values = max_weight if max_values is None else max_values
        self._weigh = weigh
        self._weight = 0
        self._values: OrderedDict[K, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: K) -> bool:
        """Whether the key has a value. To ask is no use of it."""
        return key in self._values

    def get(self, key: K) -> V | None:
        """The value, or None."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep the value, which is not None, in place of the one that the key may have had."""
        before = self._values.pop(key, None)
        if before is not None:
            self._weight -= self._weigh(before)
        self._values[key] = value
        self._weight += self._weigh(value)
        while self._weight > self._max_weight or len(self._values) > self._max_values:
            _, forgotten = self._values.popitem(last=False)
            self._weight -= self._weigh(forgotten)

    def clear(self) -> None:
        """Keep none of them."""
        self._values.clear()
        self._weight = 0
