"""`python -m bench.graphql.peers.async_view --fd N`: `{ me { id } }` as an async view of Parley's own Django project.

Authentication, settings, middleware, event loop and HTTP parser are those of Parley; only GraphQL is missing. The view
is in `who_asks`, which Django imports when it is set up.
"""

import argparse
import os
import socket

import uvicorn
from django.conf import settings
from django.core.asgi import get_asgi_application


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="the listening socket")
    listener = socket.socket(fileno=parser.parse_args().fd)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    settings.ROOT_URLCONF = "bench.graphql.peers.who_asks"
    config = uvicorn.Config(
        get_asgi_application(),
        loop="uvloop",
        http="httptools",
        lifespan="off",
        access_log=False,
        log_config=None,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
