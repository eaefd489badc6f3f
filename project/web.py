"""One web process: uvicorn on a listening socket inherited from whoever started it.

`python -m project.web --fd N`. With `--wait-fd M` the application is loaded at once and serving begins
when a byte arrives there: `up` loads it while the database starts, and lets it go after the migrations.
Connections made meanwhile wait in the socket's queue. With `--pulse-fd P` its event loop writes a byte there
every second: a supervisor that gets none knows that it hangs.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import socket
import sys

import uvicorn

from project.pulse import BEAT_EVERY_S

GRACEFUL_SHUTDOWN_S = 2
# A database thread whose answer has come gets Python's lock from a busy event loop after this long. A post waits for
# that several times; the default is 5 ms.
SWITCH_INTERVAL_S = 0.0005
WS_MAX_BYTES = 16 * 1024 * 1024  # above the payload limit: too large a message gets an answer, not a hang-up


def server_config() -> uvicorn.Config:
    """How the application is served; the settings say which proxies may name a client's address."""
    from django.conf import settings

    return uvicorn.Config(
        "project.asgi:application",
        loop="uvloop",
        http="project.upgrading_http:UpgradingHttpProtocol",
        ws="project.raw_websocket:RawWebSocketProtocol",
        ws_max_size=WS_MAX_BYTES,
        ws_per_message_deflate=False,  # costs more CPU and memory per connection than it saves
        proxy_headers=bool(settings.TRUSTED_PROXIES),
        forwarded_allow_ips=settings.TRUSTED_PROXIES or None,
        server_header=False,
        access_log=False,
        log_config=None,  # Django's LOGGING holds for uvicorn too
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_S,
    )


class Server(uvicorn.Server):
    """uvicorn's, with a pulse while its event loop runs."""

    def __init__(self, config: uvicorn.Config, *, pulse_fd: int | None) -> None:
        super().__init__(config)
        self._pulse_fd = pulse_fd
        self._pulse: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        from chat.ops.process_reports import current_reporter  # Django is set up only now

        current_reporter().start()
        if self._pulse_fd is not None:
            self._pulse = asyncio.create_task(_beat(self._pulse_fd))  # the loop itself keeps it only weakly


async def _beat(descriptor: int) -> None:
    """Write to a non-blocking pipe as long as somebody reads from it."""
    with contextlib.suppress(BrokenPipeError):
        while True:
            with contextlib.suppress(BlockingIOError):  # full: the reader is busy, and finds enough
                os.write(descriptor, b".")
            await asyncio.sleep(BEAT_EVERY_S)


def main() -> None:
    """Load, wait for the word, serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m project.web", description=__doc__)
    parser.add_argument("--fd", type=int, required=True, help="the listening socket")
    parser.add_argument("--wait-fd", type=int, help="a pipe from which a byte lets the serving begin")
    parser.add_argument("--pulse-fd", type=int, help="a non-blocking pipe to write a byte to every second")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    listener = socket.socket(fileno=options.fd)
    config = server_config()
    config.load()
    # What is loaded now stays: the collector need not visit it again, nor run at each 700 allocations.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    if options.wait_fd is not None and not os.read(options.wait_fd, 1):
        sys.exit("The supervisor ended before it said go.")
    Server(config, pulse_fd=options.pulse_fd).run(sockets=[listener])


if __name__ == "__main__":
    main()
