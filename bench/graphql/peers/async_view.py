"""`python -m bench.graphql.peers.async_view --fd N`: `{ me { id } }` as an async view of Parley's own Django project.

Authentication, settings, middleware, event loop and HTTP parser are those of Parley; only GraphQL is missing.
"""

import argparse
import os
import socket

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

from django.conf import settings
from django.core.asgi import get_asgi_application

settings.ROOT_URLCONF = __name__  # also as __main__
application = get_asgi_application()  # sets Django up, which the imports below need

import uvicorn  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402

from chat.access.authentication import caller_from_scope  # noqa: E402
from chat.database import run_in_db  # noqa: E402


@csrf_exempt
async def me(request: HttpRequest) -> JsonResponse:
    """Who asks, in the form of a GraphQL response."""
    caller = await run_in_db(caller_from_scope, request.scope)  # type: ignore[attr-defined]
    return JsonResponse({"data": {"me": {"id": str(caller.user.pk)} if caller else None}})


urlpatterns = [path("graphql", me)]


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="the listening socket")
    listener = socket.socket(fileno=parser.parse_args().fd)
    config = uvicorn.Config(
        application, loop="uvloop", http="httptools", lifespan="off", access_log=False, log_config=None
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
