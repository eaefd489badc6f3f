"""What resolvers know of a request: who calls, and the dataloaders of this one operation."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from graphql import GraphQLResolveInfo

from chat.access.authentication import NO_CREDENTIALS, Caller
from chat.database import run_in_db
from chat.errors import Unauthenticated
from chat.limiting import limits
from chat.live.presence import current_presence
from chat.models import User
from gql.loading.loader import Loader

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(slots=True)
class Context:
    """One operation, or one event of a subscription: loaders cache, so they never live longer than that.

    `address` is whom the client counts as (chat.limiting.limits.client_address).
    """

    caller: Caller | None
    address: str | None = None
    batches: dict[Any, Any] = field(default_factory=dict)  # those of gql.loading.batching
    _loaders: dict[Any, Loader[Any, Any]] = field(default_factory=dict)

    @property
    def user(self) -> User | None:
        return self.caller.user if self.caller else None

    def fresh(self) -> "Context":
        """The same caller with empty loaders."""
        return Context(self.caller, self.address)

    def forget_loaded(self) -> None:
        """Drop what loaders cached: after a write, rows may have changed."""
        self._loaders.clear()

    def load(self, loader: Callable[..., Loader[Any, Any]], key: object, **options: Any) -> Awaitable[Any]:
        """The loader's value for the key. Loaders with other options batch apart."""
        return self._loader(loader, options).load(key)

    def load_each(
        self, loader: Callable[..., Loader[Any, Any]], keys: Sequence[Any], **options: Any
    ) -> Awaitable[list[Any]]:
        """The loader's values for the keys, in their order. Each different key is asked for once; None gives None."""
        return self._loader(loader, options).load_each(keys)

    def _loader(self, loader: Callable[..., Loader[Any, Any]], options: dict[str, Any]) -> Loader[Any, Any]:
        name = (loader, tuple(sorted(options.items())))
        found = self._loaders.get(name)
        if found is None:
            found = self._loaders[name] = loader(self.user, **options)
        return found


def context_of(info: GraphQLResolveInfo) -> Context:
    """The typed context of a resolver."""
    context: Context = info.context
    return context


def require_user(info: GraphQLResolveInfo) -> User:
    """The signed-in user.

    Raises:
        Unauthenticated: nobody is signed in.
    """
    user = context_of(info).user
    if user is None:
        raise Unauthenticated(NO_CREDENTIALS)
    return user


def charge(info: GraphQLResolveInfo, limit: str) -> None:
    """Count one of `limit` (chat.limiting.limits.LIMITS) for the signed-in user and the client's address.

    Raises:
        Unauthenticated; RateLimited: there are too many. Nothing is counted.
    """
    limits.check(limit, user_id=require_user(info).pk, address=context_of(info).address)


async def act(info: GraphQLResolveInfo, action: Callable[..., R], **values: Any) -> R:
    """Run an action as the signed-in user, in a database thread; what was loaded before it is forgotten.

    Raises:
        Unauthenticated, or the action's own errors.
    """
    user = require_user(info)
    current_presence().note_activity(user.pk)
    try:
        return await run_in_db(action, user, **values)
    finally:
        context_of(info).forget_loaded()
