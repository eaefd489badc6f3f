"""Who may ask for the schema. `__typename` is no such question: clients put it everywhere."""

from django.conf import settings
from graphql import GraphQLError

from chat.errors import DomainError, Forbidden, Unauthenticated
from chat.models import User
from gql.protection.selection import SelectingOperation


def check_introspection(operation: SelectingOperation, user: User | None) -> None:
    """Let signed-in users read the schema, unless settings.GRAPHQL_INTROSPECTION is off, and nobody else.

    Raises:
        GraphQLError: UNAUTHENTICATED or FORBIDDEN.
    """
    if not operation.introspects:
        return
    if not settings.GRAPHQL_INTROSPECTION:
        raise _refusal(Forbidden("The schema of this server is not told."))
    if user is None:
        raise _refusal(Unauthenticated("Sign in to read the schema."))


def _refusal(problem: DomainError) -> GraphQLError:
    return GraphQLError(problem.message, original_error=problem)
