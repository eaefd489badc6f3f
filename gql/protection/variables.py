"""How much the variables of one operation may hold. Pure."""

from collections.abc import Mapping
from typing import Any

from gql.protection.limits import CostLimited, DepthLimited

MAX_VALUES = 5_000
MAX_NESTING = 20


def check_variables(variables: Mapping[str, Any] | None) -> None:
    """Refuse variables with too many values, or nested too deeply: all of them are looked at before execution.

    Raises:
        CostLimited; DepthLimited.
    """
    if not variables:
        return
    count = 0
    waiting: list[tuple[Any, int]] = [(variables, 1)]
    while waiting:
        value, depth = waiting.pop()
        if not isinstance(value, dict | list):
            continue
        count += len(value)
        if count > MAX_VALUES:
            raise CostLimited(f"The variables may hold at most {MAX_VALUES:,} values.")
        if depth > MAX_NESTING:
            raise DepthLimited(f"Variables may be nested {MAX_NESTING} levels deep.")
        waiting.extend((child, depth + 1) for child in (value.values() if isinstance(value, dict) else value))
