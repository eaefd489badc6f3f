"""The schema. `gql/schema.graphql` is its text, kept by `manage.py export_schema`."""

import graphene
from graphql import lexicographic_sort_schema, print_schema

from gql.mutations import Mutation
from gql.queries import Query
from gql.subscriptions import Subscription

schema = graphene.Schema(query=Query, mutation=Mutation, subscription=Subscription)


def schema_text() -> str:
    """The schema in the definition language, in a stable order."""
    return print_schema(lexicographic_sort_schema(schema.graphql_schema)) + "\n"
