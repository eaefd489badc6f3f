"""Addresses of embedding servers. Pure."""

from urllib.parse import urlsplit, urlunsplit


def without_credentials(url: str) -> str:
    """The address without the user and password that may stand in it, nor a query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def server_of(url: str) -> tuple[str, str]:
    """Scheme, and host with port, the same for all ways to write them."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return parts.scheme, f"{parts.hostname}:{port}"
