"""One web process: uvicorn on a listening socket inherited from whoever started it.

`python -m project.web --fd N`. With `--wait-fd M` the application is loaded at once and serving begins
when a byte arrives there: `up` loads it while the database starts, and lets it go after the migrations.
Connections made meanwhile wait in the socket's queue.
"""

import argparse
import gc
import os
import socket
import sys

import uvicorn

GRACEFUL_SHUTDOWN_S = 2
WS_MAX_BYTES = 16 * 1024 * 1024  # above the payload limit: too large a message gets an answer, not a hang-up


def server_config() -> uvicorn.Config:
    """How the application is served; the settings say which proxies may name a client's address."""
    from django.conf import settings

    return uvicorn.Config(
        "project.asgi:application",
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",  # uvicorn's older implementation logs errors of closed connections
        ws_max_size=WS_MAX_BYTES,
        ws_per_message_deflate=False,  # costs more CPU and memory per connection than it saves
        proxy_headers=bool(settings.TRUSTED_PROXIES),
        forwarded_allow_ips=settings.TRUSTED_PROXIES or None,
        server_header=False,
        access_log=False,
        log_config=None,  # Django's LOGGING holds for uvicorn too
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_S,
    )


def main() -> None:
    """Load, wait for the word, serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m project.web", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="the listening socket")
    parser.add_argument("--wait-fd", type=int, help="a pipe from which a byte lets the serving begin")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    listener = socket.socket(fileno=options.fd)
    config = server_config()
    config.load()
    # What is loaded now stays: the collector need not visit it again, nor run at each 700 allocations.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
    if options.wait_fd is not None and not os.read(options.wait_fd, 1):
        sys.exit("The supervisor ended before it said go.")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
