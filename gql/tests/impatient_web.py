"""`python -m gql.tests.impatient_web`: a web process that waits for `connection_init` no longer than a test can."""

import project.asgi  # noqa: F401  # sets Django up, which the imports below need
from gql.transports import websocket
from project import web


def main() -> None:
    """Serve until SIGTERM."""
    websocket.INIT_TIMEOUT_S = 3.0
    web.main()


if __name__ == "__main__":
    main()
