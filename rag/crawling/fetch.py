"""Fetches one page for a user who named its URL: from public addresses only, within limits, without credentials."""

from __future__ import annotations

import http.client
import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TypeAlias
from urllib.parse import urljoin

from rag.crawling.addresses import Network, may_connect
from rag.crawling.connection import Deadline, PinnedConnection
from rag.crawling.names import ACCEPTED, filename_of
from rag.crawling.urls import BadUrl, Url, check_url

Resolver: TypeAlias = Callable[[str, int], Sequence[str]]

USER_AGENT = "Parley (a team's document assistant; fetches pages that its users name)"
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
        timeout_s: for all of it together. A name server's answer is waited for as long as the system does.
    """

    max_bytes: int
    timeout_s: float = 30.0
    ports: frozenset[int] = frozenset({80, 443})
    networks: tuple[Network, ...] = ()
    max_redirects: int = 5


@dataclass(slots=True)
class Fetched:
    """A page: its content from the beginning, what it would be called as a file, what tells whether it changed."""

    file: IO[bytes]
    filename: str
    etag: str = ""
    last_modified: str = ""


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host, in the system's order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@contextmanager
def fetch(
    text: str,
    policy: FetchPolicy,
    *,
    etag: str = "",
    last_modified: str = "",
    resolver: Resolver = resolve,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Fetched]:
    """Give the page, as a temporary file, for the time of the context. Blocks.

    Each URL on the way is resolved once; every address of the answer must be allowed, and one of them is connected to.

    Raises:
        NotModified: only where `etag` or `last_modified` of an earlier answer is given.
        FetchError: URL_REFUSED, URL_UNREACHABLE, URL_STATUS, UNSUPPORTED_TYPE, TOO_LARGE or TIMEOUT.
    """
    deadline = Deadline(policy.timeout_s)
    headers = {
        "User-Agent": USER_AGENT,
        "Accept": ", ".join(ACCEPTED) + ", */*;q=0.1",
        "Accept-Encoding": "identity",
    }
    if etag:
        headers["If-None-Match"] = etag
    if last_modified:
        headers["If-Modified-Since"] = last_modified
    with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as file:
        try:
            page = _follow(text, policy, deadline, headers, resolver, tls, file)
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
    policy: FetchPolicy,
    deadline: Deadline,
    headers: dict[str, str],
    resolver: Resolver,
    tls: ssl.SSLContext | None,
    file: IO[bytes],
) -> Fetched:
    for _ in range(policy.max_redirects + 1):
        url = _checked(text, policy)
        connection = PinnedConnection(
            url.host,
            url.port,
            addresses=_addresses(url, policy, resolver),
            deadline=deadline,
            tls=(tls or ssl.create_default_context()) if url.scheme == "https" else None,
        )
        try:
            connection.request("GET", url.target, headers=headers)
            with connection.getresponse() as response:
                location = response.getheader("Location") if response.status in _REDIRECTS else None
                if location is None:
                    return _take(response, url, policy, file)
            text = _led_to(url, location)
        finally:
            connection.close()
    raise FetchError("URL_REFUSED", f"The page leads on more than {policy.max_redirects} times.")


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


def _addresses(url: Url, policy: FetchPolicy, resolver: Resolver) -> Sequence[str]:
    """The host's addresses, if all of them may be connected to."""
    try:
        addresses = resolver(url.host, url.port)
    except (OSError, UnicodeError) as error:
        raise FetchError("URL_UNREACHABLE", f"There is no server named {url.host}.") from error
    if not addresses or not all(may_connect(address, policy.networks) for address in addresses):
        raise FetchError(
            "URL_REFUSED",
            f"{url.host} is not on the public Internet. An administrator can allow networks (CRAWL_ALLOWED_NETWORKS).",
        )
    return addresses


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
