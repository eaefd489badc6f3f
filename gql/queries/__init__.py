"""Queries. Each asks for a signed-in user, except `me`, and reads what that user may see from a selector."""

import graphene

from gql.queries.documents import DocumentQueries
from gql.queries.people import PeopleQueries
from gql.queries.rooms import RoomQueries
from gql.queries.search import SearchQueries
from gql.queries.usage import UsageQueries


# The fields of the last base come first in the schema.
class Query(UsageQueries, SearchQueries, DocumentQueries, RoomQueries, PeopleQueries, graphene.ObjectType):
    """What can be read."""


__all__ = ["Query"]
