"""The `Date` scalar."""

from datetime import date
from typing import Any

import graphene
from graphql import GraphQLError, Node, StringValueNode


class Date(graphene.Date):
    """A day, written YYYY-MM-DD (ISO 8601)."""

    @staticmethod
    def parse_value(value: Any) -> date:
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            raise GraphQLError("A Date is a string such as 2026-01-31: year, month, day.") from None

    @classmethod
    def parse_literal(cls, node: Node, _variables: Any = None) -> date:
        return cls.parse_value(node.value if isinstance(node, StringValueNode) else None)
