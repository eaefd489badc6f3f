"""Queries. Each asks for a signed-in user, except `me`, and reads what that user may see from a selector."""

import graphene

from gql.queries.documents import DocumentQueries
from gql.queries.people import PeopleQueries
from gql.queries.rooms import RoomQueries
from gql.queries.search import SearchQueries
from gql.queries.usage import UsageQueries


class Query(PeopleQueries, RoomQueries, DocumentQueries, SearchQueries, UsageQueries, graphene.ObjectType):
    """What can be read."""


__all__ = ["Query"]
