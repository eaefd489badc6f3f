"""Fixtures that switch limits on, which the rest of the suite runs without. A pytest plugin, named in conftest.py."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex

import pytest


@pytest.fixture
def limited(settings, monkeypatch) -> Iterator[Callable[..., None]]:
    """Limits are on, and nothing is counted yet. `limited("messages", user=(1, 3))` makes one of them tighter:
    `(per second, burst)` of a user, and of an address where that is given."""
    from chat.limiting import limits
    from chat.limiting.shared_windows import SharedWindows

    settings.RATE_LIMITS = True
    executor = ThreadPoolExecutor(1)
    shared = SharedWindows(settings.REDIS_URL, prefix=f"test-{token_hex(4)}", executor=executor)
    monkeypatch.setattr(limits, "_limiter", limits.Limiter(lambda: shared))
    table = dict(limits.LIMITS)
    monkeypatch.setattr(limits, "LIMITS", table)

    def tighten(name: str, *, user=(1000, 1000), address=(1000, 1000)) -> None:
        what = table[name].what
        table[name] = limits.Limit(what, limits.Allowance(*user), limits.Allowance(*address))

    yield tighten
    executor.shutdown()
    shared.close()
