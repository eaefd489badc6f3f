"""What a site asks programs not to fetch: robots.txt, as RFC 9309 reads it. Pure.

Not `urllib.robotparser`: up to Python 3.13 that takes the first rule that fits, not the longest, and knows no `*` and
`$`. Patterns are matched piece by piece, never as regular expressions, which a hostile file could make endless.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

MAX_BYTES = 500 * 1024  # what lies behind is not read (RFC 9309, 2.5)
_SAFE = "%/:=&?~+!$,;'@()*[]"
_ESCAPED = re.compile(r"%([0-9a-fA-F]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@dataclass(frozen=True, slots=True)
class _Rule:
    is_allowed: bool
    length: int
    pieces: tuple[str, ...]  # what stands between the wildcards
    is_whole: bool  # ends where the target ends

    def fits(self, target: str) -> bool:
        first, *others = self.pieces
        if not target.startswith(first):
            return False
        place = len(first)
        last = others.pop() if others and self.is_whole else None
        for piece in others:
            found = target.find(piece, place)
            if found < 0:
                return False
            place = found + len(piece)
        if last is not None:
            return len(target) - len(last) >= place and target.endswith(last)
        return not self.is_whole or place == len(target)


@dataclass(frozen=True, slots=True)
class Rules:
    """What one site says to one program. Without rules everything is allowed."""

    rules: tuple[_Rule, ...] = ()

    def allow(self, target: str) -> bool:
        """Tell whether a path with its query may be fetched: the longest rule that fits decides, or the kinder one."""
        wanted = _in_one_form(target)
        fitting = [(rule.length, rule.is_allowed) for rule in self.rules if rule.fits(wanted)]
        return max(fitting, default=(0, True))[1]


def read_rules(content: bytes, product: str) -> Rules:
    """Return what a robots.txt says to `product`: its own groups' rules together, else those for everybody."""
    own: list[_Rule] = []
    for_all: list[_Rule] = []
    is_named = False
    agents: set[str] = set()
    in_rules = False
    for key, value in _lines(content):
        if key == "user-agent":
            agents = set() if in_rules else agents
            in_rules = False
            agents.add(_product_of(value))
            is_named |= product.lower() in agents
        elif key in ("allow", "disallow"):
            in_rules = True
            rule = _rule(value, is_allowed=key == "allow")
            if rule is not None and product.lower() in agents:
                own.append(rule)
            if rule is not None and "*" in agents:
                for_all.append(rule)
    return Rules(tuple(own if is_named else for_all))


def _lines(content: bytes) -> Iterator[tuple[str, str]]:
    if len(content) > MAX_BYTES:
        content = content[:MAX_BYTES].rpartition(b"\n")[0]  # half a rule would be another one
    text = content.decode("utf-8-sig", "replace")
    for line in re.split(r"[\r\n]+", text):
        key, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield key.strip().lower(), value.strip()


def _product_of(value: str) -> str:
    """`Parley/1.0 (...)` names Parley."""
    found = re.match(r"\*|[A-Za-z_-]+", value)
    return found[0].lower() if found else ""


def _rule(value: str, *, is_allowed: bool) -> _Rule | None:
    if not value.startswith(("/", "*")):  # an empty one says nothing
        return None
    pattern = _in_one_form(value)
    is_whole = pattern.endswith("$")
    return _Rule(is_allowed, len(pattern), tuple(pattern.removesuffix("$").split("*")), is_whole)


def _in_one_form(path: str) -> str:
    """Without escapes that need not be, those that stay in capitals, so that equal paths are equal texts."""

    def written(found: re.Match[str]) -> str:
        character = chr(int(found[1], 16))
        return character if character in _UNRESERVED else found[0].upper()

    return _ESCAPED.sub(written, quote(path, safe=_SAFE))
