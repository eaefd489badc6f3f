"""A web process of Parley whose limits are on, and too high for a load client to reach: it pays for the counting."""

import project.asgi  # noqa: F401  # sets Django up, which the imports below need
from chat.limiting import limits
from project import web

TIMES = 10_000


def main() -> None:
    """Serve until SIGTERM."""
    limits.LIMITS = {
        name: limits.Limit(limit.what, limit.user.times(TIMES), limit.address.times(TIMES))
        for name, limit in limits.LIMITS.items()
    }
    web.main()


if __name__ == "__main__":
    main()
