"""Channels' routers, without what they keep while the application runs: for an open WebSocket that is long.

An ASGI application may give another's coroutine instead of awaiting it, and need not hold the scope, of which each
router makes a copy: a browser's headers take kilobytes.
"""

from collections.abc import Awaitable
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter


class Protocols(ProtocolTypeRouter):
    """Applications by the scope's type. (A coroutine function, by which servers know ASGI 3.)"""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        application = self.application_mapping.get(scope["type"])
        if application is None:
            raise ValueError(f"No application configured for scope type {scope['type']!r}")
        running: Awaitable[None] = application(scope, receive, send)
        del scope
        await running


class WebSocketPaths(URLRouter):
    """Applications by path. What is in the path is of no interest to them."""

    def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Awaitable[None]:
        path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        for route in self.routes:
            if route.pattern.match(path):
                running: Awaitable[None] = route.callback(scope, receive, send)
                return running
        raise ValueError(f"No route found for path {path!r}.")
