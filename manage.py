#!/usr/bin/env python
"""The command line: Django's, with the embedded services running around each command that needs them."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# These read and write no data; `up` runs the services itself.
WITHOUT_SERVICES = {
    *("up", "help", "version", "--help", "--version", "check", "diffsettings", "export_schema", "findstatic"),
    *("compilemessages", "makemessages", "startapp", "collectstatic"),
}
# Set by `up` for its children: it has the services running and restarts them.
SUPERVISED = "PARLEY_SUPERVISED"


def main() -> int:
    """Run one command; a fault of the configuration is told in a sentence, not as a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from project.embedded.errors import EmbeddedError

    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    try:
        if command == "up" and not {"-h", "--help"} & set(sys.argv):
            # Not as Django's command: the supervisor then never loads Django and stays small.
            from project.supervisor import main as up

            return up(sys.argv[2:])
        with _services_for(command):
            execute_from_command_line(sys.argv)
    except (EmbeddedError, ImproperlyConfigured) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def _services_for(command: str) -> Iterator[None]:
    """Those of the embedded services that the settings name, for the duration of the command."""
    if command in WITHOUT_SERVICES or "--help" in sys.argv or os.environ.get(SUPERVISED):
        yield
        return
    from django.conf import settings

    from project.embedded.addresses import embedded_addresses
    from project.embedded.services import Services

    services = Services(
        embedded_addresses(settings.DATA_DIR),
        postgres=settings.DATABASE_IS_EMBEDDED,
        valkey=settings.REDIS_IS_EMBEDDED,
        say=lambda line: print(line, file=sys.stderr),  # stdout is for the command's own output
    )
    if not services.members:
        yield
        return
    # Without a handler SIGTERM would end the command and leave the services running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with services.use():
        yield


if __name__ == "__main__":
    sys.exit(main())
