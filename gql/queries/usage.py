"""One's own usage of the assistants."""

from datetime import UTC, date, datetime

import graphene
from graphql import GraphQLResolveInfo

from chat.database import run_in_db
from chat.models import User
from gql.context import require_user
from gql.types.dates import Date
from gql.types.usage import Usage as UsageType
from rag.money.usage import SPAN_MAX_DAYS, Usage, check_span, usage_of


def _usage(user: User, first: date | None, last: date | None) -> Usage:
    return usage_of(user, *check_span(first, last, today=datetime.now(UTC).date()))


class UsageQueries:
    usage = graphene.Field(
        UsageType,
        required=True,
        # `from` is a word of Python's, so the two have other names here.
        first_day=graphene.Argument(
            Date,
            name="from",
            description="First day, in UTC; the first of the month of `to` if left out.",
        ),
        last_day=graphene.Argument(
            Date,
            name="to",
            description=f"Last day, in UTC, included; today if left out. At most {SPAN_MAX_DAYS} days in all.",
        ),
        description="What your own questions have cost; of this month if no days are given.",
    )

    @staticmethod
    async def resolve_usage(
        root: None, info: GraphQLResolveInfo, first_day: date | None = None, last_day: date | None = None
    ) -> Usage:
        return await run_in_db(_usage, require_user(info), first_day, last_day)
