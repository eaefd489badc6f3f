"""How many bytes are taken, and how many values they may hold, which cost more than their bytes tell. Pure."""

from chat.errors import PayloadTooLarge

MAX_JSON_VALUES = 50_000
MAX_JSON_CONTAINERS = 25_000


def check_json(body: str | bytes) -> None:
    """Refuse a body that holds too many values, before it is read.

    A megabyte of empty lists takes 260 ms to build, and to count them a quarter of one. Brackets and commas in strings
    are taken for values: the longest message has not so many characters.

    Raises:
        PayloadTooLarge.
    """
    opened = (
        body.count("[") + body.count("{") if isinstance(body, str) else body.count(b"[") + body.count(b"{")
    )
    if opened > MAX_JSON_CONTAINERS:
        raise PayloadTooLarge(f"A request may hold at most {MAX_JSON_CONTAINERS:,} lists and objects.")
    if (body.count(",") if isinstance(body, str) else body.count(b",")) > MAX_JSON_VALUES:
        raise PayloadTooLarge(f"A request may hold at most {MAX_JSON_VALUES:,} values.")
