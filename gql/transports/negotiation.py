"""Which media type a client wants (RFC 9110, 12.5.1). Pure."""

from dataclasses import dataclass
from functools import lru_cache

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
SSE = "text/event-stream"
HTML = "text/html"

# What a range offers, the preferred first. A wildcard never means a stream or a page: those have to be named.
_OFFERS = {JSON: (JSON,), GRAPHQL: (GRAPHQL,), SSE: (SSE,), HTML: (HTML,)} | {
    "application/*": (JSON, GRAPHQL),
    "*/*": (JSON, GRAPHQL),
}
_SPECIFICITY = {"*/*": 0, "application/*": 1}
_UTF_8 = ("utf-8", "utf8")
CACHED_MAX_CHARACTERS = 300  # client programs send one of a few


@dataclass(frozen=True, slots=True)
class _Range:
    """One part of an Accept header; `place` is where it stands."""

    offers: tuple[str, ...]
    specificity: int
    weight: float
    place: int


def negotiate(accept: str) -> str | None:
    """The best of `JSON`, `GRAPHQL`, `SSE` and `HTML` for an Accept header. Without one JSON; None if nothing fits.

    The most specific range decides on a type (`application/json;q=0, */*` takes anything but JSON). Of types with
    the same weight the client's first wins.
    """
    return _negotiate(accept) if len(accept) <= CACHED_MAX_CHARACTERS else _negotiate.__wrapped__(accept)


@lru_cache(maxsize=256)
def _negotiate(accept: str) -> str | None:
    if not accept.strip():
        return JSON
    deciding: dict[str, _Range] = {}
    for one in _ranges(accept):
        for offer in one.offers:
            if offer not in deciding or one.specificity > deciding[offer].specificity:
                deciding[offer] = one
    fitting = {offer: one for offer, one in deciding.items() if one.weight > 0}
    if not fitting:
        return None
    return min(
        fitting,
        key=lambda offer: (-fitting[offer].weight, fitting[offer].place, fitting[offer].offers.index(offer)),
    )


def _ranges(accept: str) -> list[_Range]:
    ranges = []
    for place, part in enumerate(accept.split(",")):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if media_type in _OFFERS:
            specificity = _SPECIFICITY.get(media_type, 2)
            ranges.append(_Range(_OFFERS[media_type], specificity, _weight(parameters), place))
    return ranges


def _weight(parameters: list[str]) -> float:
    weight = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
        elif name.strip() == "charset" and value.strip().strip('"') not in _UTF_8:
            return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def is_utf_8(content_type: str) -> bool:
    """Whether a Content-Type names no other character set."""
    parameters = (piece.strip().lower().partition("=") for piece in content_type.split(";")[1:])
    return all(value.strip('"') in _UTF_8 for name, _, value in parameters if name == "charset")
