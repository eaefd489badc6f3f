"""The ASGI application: HTTP to Socket.IO, GraphQL's endpoint and Django, WebSockets to Socket.IO and GraphQL."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django_application = get_asgi_application()  # sets Django up, which the imports below need

from channels.routing import URLRouter  # noqa: E402
from django.urls import re_path  # noqa: E402

from chat.routing import http_urlpatterns, websocket_urlpatterns  # noqa: E402
from gql.transports.http import GraphQLEndpoint  # noqa: E402
from gql.transports.websocket import GraphQLConsumer  # noqa: E402
from project.request_limits import RequestLimits  # noqa: E402
from project.routing import Protocols, WebSocketPaths  # noqa: E402

# The router asks for the type of a Django view, and calls ASGI applications.
pages: Any = django_application
application = Protocols(
    {
        # GraphQL first: to match paths costs as much as to find out who calls.
        "http": RequestLimits(GraphQLEndpoint(URLRouter([*http_urlpatterns, re_path(r"", pages)]))),
        "websocket": WebSocketPaths(
            [*websocket_urlpatterns, re_path(r"^graphql/?$", GraphQLConsumer.as_asgi())]
        ),
    }
)
