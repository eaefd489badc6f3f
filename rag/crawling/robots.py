"""What a site asks programs not to fetch: robots.txt, as RFC 9309 reads it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from protego import Protego

MAX_BYTES = 500 * 1024  # what lies behind is not read (RFC 9309, 2.5)
_SITE = "http://site"  # rules are about paths; which site they are of is the caller's to know


@dataclass(frozen=True, slots=True)
class Rules:
    """What one site says to one program. Without rules everything is allowed."""

    product: str = ""
    parsed: Protego | None = field(default=None, compare=False)

    def allow(self, target: str) -> bool:
        """Tell whether a path with its query may be fetched: the longest rule that fits decides, or the kinder one."""
        return self.parsed is None or bool(self.parsed.can_fetch(f"{_SITE}{target}", self.product))


def read_rules(content: bytes, product: str) -> Rules:
    """Return what a robots.txt says to `product`: its own groups' rules together, else those for everybody."""
    if len(content) > MAX_BYTES:
        content = content[:MAX_BYTES].rpartition(b"\n")[0]  # half a rule would be another one
    return Rules(product, Protego.parse(content.decode("utf-8-sig", "replace")))
