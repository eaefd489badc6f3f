"""Who may read the schema: signed-in users, unless a setting says that nobody may."""

import pytest
from graphql import build_client_schema, get_introspection_query

from gql.schema import schema

pytestmark = pytest.mark.django_db(transaction=True)
QUESTIONS = [
    "{ __schema { queryType { name } } }",
    '{ __type(name: "User") { name } }',
    "{ me { id } other: __schema { queryType { name } } }",
    "{ ...F } fragment F on Query { ... { __schema { queryType { name } } } }",
]


@pytest.mark.parametrize("question", QUESTIONS)
async def test_strangers_are_not_told_the_schema(as_user, question):
    response = await as_user(None).run(question)

    assert [error["extensions"]["code"] for error in response["errors"]] == ["UNAUTHENTICATED"]
    assert "data" not in response


@pytest.mark.parametrize("question", QUESTIONS)
async def test_signed_in_users_are(as_user, ada, question):
    assert await as_user(ada).data(question)


async def test_a_client_builds_the_whole_schema_from_what_it_is_told(as_user, ada):
    told = build_client_schema(await as_user(ada).data(get_introspection_query()))

    assert set(schema.graphql_schema.type_map) <= set(told.type_map)


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_setting_keeps_it_from_everybody(as_user, ada, settings, question):
    settings.GRAPHQL_INTROSPECTION = False

    assert (await as_user(ada).error(question))["code"] == "FORBIDDEN"


async def test_the_name_of_a_type_is_told_to_everybody(as_user, settings):
    settings.GRAPHQL_INTROSPECTION = False

    assert await as_user(None).data("{ __typename }") == {"__typename": "Query"}
