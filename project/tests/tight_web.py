"""`python -m project.tests.tight_web`: a web process whose users may connect once, and then every other second."""

import project.asgi  # noqa: F401  # sets Django up, which the imports below need
from chat.limiting import limits
from project import web


def main() -> None:
    """Serve until SIGTERM."""
    connects = limits.LIMITS["connects"]
    tight = limits.Limit(connects.what, limits.Allowance(0.5, 1), connects.address)
    limits.LIMITS = {**limits.LIMITS, "connects": tight}
    web.main()


if __name__ == "__main__":
    main()
