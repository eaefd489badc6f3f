"""Resolvers that answer for many parents at once, whichever executor runs them."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from inspect import isawaitable
from typing import Any, Protocol, cast

from aiodataloader import DataLoader
from graphql import GraphQLResolveInfo

Values = Sequence[Any]
BatchFunction = Callable[..., Values | Awaitable[Values]]


class BatchedResolver(Protocol):
    """A resolver of one parent whose `batch` resolves many."""

    batch: BatchFunction

    def __call__(self, parent: Any, info: GraphQLResolveInfo, **arguments: Any) -> Awaitable[Any]: ...


def batched(function: BatchFunction) -> BatchedResolver:
    """Make a resolver of `function(parents, info, **arguments)`, which gives one value for each parent, in their order.

    A value that is an exception is the error of its parent alone; an exception that is raised is that of all. The
    function may be plain or `async`. The compiled executor calls it once for all parents of a level. Under
    graphql-core the same function is a dataloader of the operation, one for each set of arguments, and needs a context
    with a dictionary `batches`. Nothing is cached: what parents share belongs into a loader of its own.
    """

    def resolve(parent: Any, info: GraphQLResolveInfo, **arguments: Any) -> Awaitable[Any]:
        batches: dict[Hashable, _BatchLoader] = info.context.batches
        key = batch_key(function, arguments)
        loader = batches.get(key)
        if loader is None:
            loader = batches[key] = _BatchLoader(function, info, arguments)
        return cast(Awaitable[Any], loader.load((parent,)))

    resolver = cast(BatchedResolver, resolve)
    resolver.batch = function
    return resolver


def batch_key(function: BatchFunction, arguments: dict[str, Any]) -> Hashable:
    """What calls of a function must have in common to be made at once."""
    return (function, _frozen(arguments))


def _frozen(value: Any) -> Hashable:
    if isinstance(value, dict):
        return tuple((name, _frozen(item)) for name, item in sorted(value.items()))
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    # The type, too: 1 and True are equal. What cannot be hashed is kept apart by its identity.
    return (type(value), value if isinstance(value, Hashable) else id(value))


class _BatchLoader(DataLoader[tuple[Any], Any]):
    """Collects the parents of one tick of the event loop. A key is a 1-tuple, since a parent may be None."""

    cache = False  # parents are rows, which need not be hashable

    def __init__(self, function: BatchFunction, info: GraphQLResolveInfo, arguments: dict[str, Any]) -> None:
        super().__init__(get_cache_key=id)
        self._function = function
        self._info = info
        self._arguments = arguments

    async def batch_load_fn(self, keys: list[tuple[Any]]) -> list[Any]:
        values = self._function([parent for (parent,) in keys], self._info, **self._arguments)
        return list(await values if isawaitable(values) else values)
