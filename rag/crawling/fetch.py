"""Fetches one page for a user who named its URL: from public addresses only, within limits, without credentials.

What the site asks of programs is heeded (robots.txt), and asked within the same limits.
"""

from __future__ import annotations

import http.client
import logging
import ssl
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, TypeVar
from urllib.parse import urljoin

from rag.crawling.addresses import Network, may_connect
from rag.crawling.connection import Deadline, PinnedConnection
from rag.crawling.names import ACCEPTED, filename_of
from rag.crawling.resolving import Resolver, resolve, resolve_until
from rag.crawling.robots import MAX_BYTES as ROBOTS_MAX_BYTES
from rag.crawling.robots import Rules, read_rules
from rag.crawling.site_rules import SiteRules
from rag.crawling.urls import BadUrl, Url, check_url

logger = logging.getLogger(__name__)

T = TypeVar("T")
PRODUCT = "Parley"
USER_AGENT = f"{PRODUCT} (a team's document assistant; fetches pages that its users name)"
_BARE_HEADERS = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BLOCK_BYTES = 64 * 1024
_SPOOL_BYTES = 1024 * 1024


class FetchError(Exception):
    """A page could not be had. `code` stays the same; `message` is for the person who named it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class NotModified(Exception):
    """The server says that the page is the one it gave before."""


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """Limits of one fetch, redirects included.

    Attributes:
        networks: private networks that may be connected to all the same.
        timeout_s: for all of it together, robots.txt and the answers of name servers included.
        without_robots: hosts that are fetched from whatever their robots.txt says.
    """

    max_bytes: int
    timeout_s: float = 30.0
    ports: frozenset[int] = frozenset({80, 443})
    networks: tuple[Network, ...] = ()
    max_redirects: int = 5
    without_robots: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Fetching:
    """What all requests of one fetch have in common."""

    policy: FetchPolicy
    deadline: Deadline
    resolver: Resolver
    tls: ssl.SSLContext | None
    headers: dict[str, str]


@dataclass(slots=True)
class Fetched:
    """A page: its content from the beginning, what it would be called as a file, what tells whether it changed."""

    file: IO[bytes]
    filename: str
    etag: str = ""
    last_modified: str = ""


@contextmanager
def fetch(
    text: str,
    policy: FetchPolicy,
    *,
    etag: str = "",
    last_modified: str = "",
    site_rules: SiteRules | None = None,
    resolver: Resolver = resolve,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Fetched]:
    """Give the page, as a temporary file, for the time of the context. Blocks.

    Each URL on the way is resolved once; every address of the answer must be allowed, and one of them is connected to.
    The robots.txt of each site on the way is asked for, unless `site_rules` knows it from an earlier fetch.

    Raises:
        NotModified: only where `etag` or `last_modified` of an earlier answer is given.
        FetchError: URL_REFUSED, URL_UNREACHABLE, URL_STATUS, UNSUPPORTED_TYPE, TOO_LARGE or TIMEOUT.
    """
    headers = {**_BARE_HEADERS, "Accept": ", ".join(ACCEPTED) + ", */*;q=0.1"}
    if etag:
        headers["If-None-Match"] = etag
    if last_modified:
        headers["If-Modified-Since"] = last_modified
    fetching = _Fetching(policy, Deadline(policy.timeout_s), resolver, tls, headers)
    rules = site_rules or SiteRules()
    with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as file:
        try:
            page = _follow(
                text,
                fetching,
                before=lambda url: _ask_site(url, fetching, rules),
                take=lambda response, url: _take(response, url, policy, file),
            )
        except TimeoutError:
            raise FetchError(
                "TIMEOUT", f"The page was not there after {policy.timeout_s:g} seconds. Try again later."
            ) from None
        except ssl.SSLError as error:
            raise FetchError(
                "URL_UNREACHABLE", "The server's certificate is not valid for that address."
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise FetchError("URL_UNREACHABLE", "The server could not be reached, or broke off.") from error
        yield page


def _follow(
    text: str,
    fetching: _Fetching,
    *,
    before: Callable[[Url], None],
    take: Callable[[http.client.HTTPResponse, Url], T],
) -> T:
    """What `take` makes of the first response that leads no further; `before` may refuse each URL on the way."""
    for _ in range(fetching.policy.max_redirects + 1):
        url = _checked(text, fetching.policy)
        before(url)
        connection = PinnedConnection(
            url.host,
            url.port,
            addresses=_addresses(url, fetching),
            deadline=fetching.deadline,
            tls=(fetching.tls or ssl.create_default_context()) if url.scheme == "https" else None,
        )
        try:
            connection.request("GET", url.target, headers=fetching.headers)
            with connection.getresponse() as response:
                location = response.getheader("Location") if response.status in _REDIRECTS else None
                if location is None:
                    return take(response, url)
            text = _led_to(url, location)
        finally:
            connection.close()
    raise FetchError("URL_REFUSED", f"The page leads on more than {fetching.policy.max_redirects} times.")


def _ask_site(url: Url, fetching: _Fetching, site_rules: SiteRules) -> None:
    """Return if the site allows the page to be fetched by programs."""
    if url.host in fetching.policy.without_robots:
        return
    site = str(replace(url, target="/"))
    rules = site_rules.get(site)
    if rules is None:
        asking = replace(fetching, headers={**_BARE_HEADERS, "Accept": "text/plain, */*;q=0.1"})
        rules = _follow(f"{site}robots.txt", asking, before=lambda _: None, take=_take_rules)
        site_rules.keep(site, rules)
    if not rules.allow(url.target):
        raise FetchError(
            "URL_REFUSED",
            f"{url.host} asks programs not to fetch this page (robots.txt). For a site of your own an administrator "
            "can have that ignored (CRAWL_WITHOUT_ROBOTS).",
        )


def _take_rules(response: http.client.HTTPResponse, url: Url) -> Rules:
    """A site without such a file allows everything; one that cannot say, nothing (RFC 9309, 2.3.1)."""
    if 400 <= response.status < 500:
        return Rules()
    if response.status != 200:
        raise FetchError(
            "URL_UNREACHABLE",
            f"Whether {url.host} allows its pages to be fetched is not known: its robots.txt came with status "
            f"{response.status}.",
        )
    return read_rules(response.read(ROBOTS_MAX_BYTES + 1), PRODUCT)


def _led_to(url: Url, location: str) -> str:
    try:
        return urljoin(str(url), location.encode("latin-1").decode("utf-8", "replace"))
    except ValueError as error:  # such as //[
        raise FetchError("URL_REFUSED", "The page leads on to what is no address.") from error


def _checked(text: str, policy: FetchPolicy) -> Url:
    try:
        return check_url(text.partition("#")[0], ports=policy.ports)
    except BadUrl as error:
        raise FetchError("URL_REFUSED", str(error)) from error


def _addresses(url: Url, fetching: _Fetching) -> Sequence[str]:
    """The host's addresses, if all of them may be connected to.

    A name that does not exist and one of the network in here are refused alike: the answer must be no way to ask which
    names there are. The log tells them apart.
    """
    try:
        addresses = resolve_until(fetching.deadline, url.host, url.port, fetching.resolver)
    except TimeoutError:
        raise
    except (OSError, UnicodeError) as error:
        logger.warning("%s is not fetched from: %s", url.host, error)
        raise _not_public(url) from None
    if not addresses or not all(may_connect(address, fetching.policy.networks) for address in addresses):
        logger.warning("%s is not fetched from: it is at %s", url.host, ", ".join(addresses) or "no address")
        raise _not_public(url)
    return addresses


def _not_public(url: Url) -> FetchError:
    return FetchError(
        "URL_REFUSED",
        f"{url.host} is not on the public Internet: see whether it is spelt right. An administrator finds more in the "
        "worker's log, and can allow networks (CRAWL_ALLOWED_NETWORKS).",
    )


def _take(response: http.client.HTTPResponse, url: Url, policy: FetchPolicy, file: IO[bytes]) -> Fetched:
    if response.status == 304:
        raise NotModified
    if response.status != 200:
        raise FetchError("URL_STATUS", f"The server answered with status {response.status}.")
    if response.getheader("Content-Encoding", "identity") != "identity":
        raise FetchError("UNSUPPORTED_TYPE", "The server packed the page in a way that was not asked for.")
    content_type = response.getheader("Content-Type", "").partition(";")[0].strip().lower()
    filename = filename_of(url.host, url.target, content_type)
    if filename is None:
        raise FetchError("UNSUPPORTED_TYPE", f"Pages of the type {content_type[:60]} cannot be read.")
    size = 0
    while block := response.read(_BLOCK_BYTES):
        size += len(block)
        if size > policy.max_bytes:
            raise FetchError("TOO_LARGE", f"The page is larger than {policy.max_bytes // 1_048_576} MB.")
        file.write(block)
    if response.length:  # the client takes a connection that breaks off for the end
        raise FetchError("URL_UNREACHABLE", "The server broke off in the middle of the page.")
    file.seek(0)
    return Fetched(file, filename, _tag(response, "ETag"), _tag(response, "Last-Modified"))


def _tag(response: http.client.HTTPResponse, name: str) -> str:
    value = response.getheader(name, "")
    return value if len(value) <= 200 and value.isprintable() else ""
