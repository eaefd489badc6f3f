"""What one's own questions have cost."""

import graphene
from graphql import GRAPHQL_MAX_INT, GraphQLResolveInfo

from rag.money.usage import Usage as Spent


class Usage(graphene.ObjectType):
    """Tokens, cost and answers of your questions in a span of days, whoever had them written anew."""

    input_tokens = graphene.Int(
        required=True,
        description=f"Read by the models, those of their cache too; at most {GRAPHQL_MAX_INT} is told.",
    )
    output_tokens = graphene.Int(required=True, description="Written by the models.")
    cost = graphene.Decimal(required=True, description="USD, exact to a millionth.")
    answers = graphene.Int(required=True, description="Answers that were worked on in the span.")
    budget = graphene.Decimal(
        description="USD you may spend in the present day or month, by the budget of your own that has least left; "
        "null without one, or for a span that is over."
    )
    remaining = graphene.Decimal(
        description="USD that are left of it, without what running answers may come to."
    )

    @staticmethod
    def resolve_input_tokens(spent: Spent, info: GraphQLResolveInfo) -> int:
        return min(spent.input_tokens, GRAPHQL_MAX_INT)
