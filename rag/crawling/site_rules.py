"""What sites asked of programs, kept for a while: hundreds of pages of one site ask for its robots.txt once."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from rag.crawling.robots import Rules

KEPT_S = 3600.0  # RFC 9309 allows a day
MOST_SITES = 32  # each may have half a megabyte of rules


class SiteRules:
    """The rules of the sites asked last, by the site's root URL. Safe to use from any thread."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._sites: dict[str, tuple[float, Rules]] = {}

    def get(self, site: str) -> Rules | None:
        """Return what the site said less than an hour ago."""
        with self._lock:
            kept_at, rules = self._sites.get(site, (0.0, None))
        return rules if rules is not None and self._clock() - kept_at < KEPT_S else None

    def keep(self, site: str, rules: Rules) -> None:
        """Remember it, instead of the site asked longest ago where there are too many."""
        with self._lock:
            self._sites.pop(site, None)
            self._sites[site] = (self._clock(), rules)
            if len(self._sites) > MOST_SITES:
                del self._sites[next(iter(self._sites))]
