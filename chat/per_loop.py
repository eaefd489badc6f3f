"""Objects of which each event loop has one: a server process has one loop, a test suite one per test."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")


class PerLoop(Generic[T]):
    """A function of no arguments that gives the running event loop's own instance. It is made by the first call.

    Raises:
        RuntimeError: no event loop is running.
    """

    def __init__(self, factory: Callable[[], T]) -> None:
        self._factory = factory
        self._instances: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()

    def __call__(self) -> T:
        loop = asyncio.get_running_loop()
        try:
            return self._instances[loop]
        except KeyError:
            instance = self._instances[loop] = self._factory()
            return instance

    def forget(self, instance: T) -> None:
        """Make a new one at the next call of the loop whose instance this is, if it is one; that loop may be closed."""
        for loop, held in list(self._instances.items()):
            if held is instance:
                del self._instances[loop]
