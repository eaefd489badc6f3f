"""The search over everything."""

from typing import Any

import graphene
from graphql import GraphQLResolveInfo

from chat.database import run_in_db
from gql.context import require_user
from gql.lists.connections import page_arguments, parse_page
from gql.lists.merged_search import CURSOR, QUERY_MAX_CHARACTERS, SearchPage, search_everything
from gql.protection.declared import costs
from gql.types.search import SearchResultConnection


class SearchQueries:
    search = costs(
        graphene.Field(
            SearchResultConnection,
            required=True,
            query=graphene.String(
                required=True,
                description=f'Words, all of which must occur; "exact words", -without and `or` are known. At most'
                f" {QUERY_MAX_CHARACTERS} characters.",
            ),
            **page_arguments(),
            room_id=graphene.ID(
                description="Only messages of this room, and documents that everyone who can read it may read."
            ),
            description="Messages, documents and passages you may read, the best first.",
        ),
        complexity=2000,
    )

    @staticmethod
    async def resolve_search(
        root: None, info: GraphQLResolveInfo, query: str, room_id: str | None = None, **arguments: Any
    ) -> SearchPage:
        user, page = require_user(info), parse_page(CURSOR, **arguments)
        return await run_in_db(search_everything, user, query, room_id, page)
