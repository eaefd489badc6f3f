"""What of a URL is decided before anything is resolved. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

MAX_CHARACTERS = 500
_PORTS = {"http": 80, "https": 443}
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f\\]")
_SAFE = "%/:=&?~+!$,;'@()*[]"
_HOST = re.compile(r"[a-z0-9_:.\-]{1,253}", re.I)


class BadUrl(ValueError):
    """The sentence says why such a URL is not fetched."""


@dataclass(frozen=True, slots=True)
class Url:
    """A URL that may be resolved: host in ASCII, target with its query, without the fragment."""

    scheme: str
    host: str
    port: int
    target: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target}"


def check_url(text: str, *, ports: frozenset[int]) -> Url:
    """Return a URL in one form for all ways to write it.

    Raises:
        BadUrl: not http or https, another port, a user name in it, too long, or no URL at all.
    """
    text = text.strip()
    if len(text) > MAX_CHARACTERS:
        raise BadUrl(f"The address is longer than {MAX_CHARACTERS} characters.")
    if _NOT_IN_URLS.search(text):
        raise BadUrl("The address holds characters that no address has, such as spaces.")
    try:
        parts = urlsplit(text)
        port = parts.port or _PORTS.get(parts.scheme, 0)
        host = (parts.hostname or "").rstrip(".")
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except ValueError as error:  # UnicodeError among them
        raise BadUrl("This is not the address of a page.") from error
    if parts.scheme not in _PORTS:
        raise BadUrl("The address must begin with https:// or http://.")
    if not _HOST.fullmatch(host):
        raise BadUrl("This is not the address of a page.")
    if parts.username is not None or parts.password is not None:
        raise BadUrl("The address holds a user name or a password. Pages behind a sign-in cannot be fetched.")
    if port not in ports:
        raise BadUrl(f"Pages on port {port} are not fetched.")
    query = f"?{quote(parts.query, safe=_SAFE)}" if parts.query else ""
    return Url(parts.scheme, host, port, quote(parts.path or "/", safe=_SAFE) + query)
