"""What a connection keeps of the request that opened it, to know later who calls (`chat.access.authentication`)."""

from collections.abc import Mapping
from typing import Any

_HEADERS = frozenset({b"authorization", b"cookie", b"host", b"origin"})


def credentials_of(scope: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an ASGI scope that says who calls, and the query. A browser sends kilobytes of other headers."""
    headers = [(name, value) for name, value in scope["headers"] if name in _HEADERS]
    return {"headers": headers, "query_string": scope["query_string"]}
