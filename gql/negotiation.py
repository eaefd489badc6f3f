"""Which media type a client wants. Pure."""

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
SSE = "text/event-stream"
HTML = "text/html"
_OFFERS = {JSON: JSON, GRAPHQL: GRAPHQL, SSE: SSE, HTML: HTML, "*/*": JSON, "application/*": JSON}


def negotiate(accept: str) -> str | None:
    """The best of `JSON`, `GRAPHQL`, `SSE` and `HTML` for an Accept header. Without one JSON; None if nothing fits."""
    if not accept.strip():
        return JSON
    best, best_weight = None, 0.0
    for part in accept.split(","):
        media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
        offer, weight = _OFFERS.get(media_type), _weight(parameters)
        if offer is not None and weight > best_weight:
            best, best_weight = offer, weight
    return best


def _weight(parameters: list[str]) -> float:
    weight = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            try:
                weight = float(value)
            except ValueError:
                return 0.0
        elif name == "charset" and value.strip('"') not in ("utf-8", "utf8"):
            return 0.0
    return weight
