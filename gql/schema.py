"""The schema. `gql/schema.graphql` is its text, kept by `manage.py export_schema`."""

import graphene
from graphql import specified_directives

from gql.mutations import Mutation
from gql.protection.declared import COST_DIRECTIVE, LIST_SIZE_DIRECTIVE, attach_costs
from gql.protection.printed import print_with_costs
from gql.queries import Query
from gql.subscriptions.fields import Subscription

schema = graphene.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    directives=[*specified_directives, COST_DIRECTIVE, LIST_SIZE_DIRECTIVE],
)
attach_costs(schema.graphql_schema)


def schema_text() -> str:
    """The schema in the definition language, in a stable order, with what its fields cost."""
    return print_with_costs(schema.graphql_schema) + "\n"
