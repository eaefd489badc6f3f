"""Errors as GraphQL clients see them: every one has `extensions.code`, and nothing internal leaks."""

import logging
from secrets import token_hex
from typing import Any

from graphql import GraphQLError

from chat.errors import DomainError

logger = logging.getLogger(__name__)

INTERNAL_MESSAGE = "Something went wrong in the server. The error id is in its log."


def _domain_cause(error: BaseException | None) -> DomainError | None:
    """The DomainError behind an error, if there is one. Coercion wraps errors more than once."""
    while isinstance(error, GraphQLError):
        error = error.original_error
    return error if isinstance(error, DomainError) else None


def _root_cause(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _log_internal(cause: BaseException) -> str:
    error_id = token_hex(6)
    logger.error("error %s in a GraphQL operation", error_id, exc_info=cause)
    return error_id


def format_error(error: GraphQLError) -> dict[str, Any]:
    """The wire form of an error of parsing, validation or execution.

    A DomainError keeps its code, message and fields. An error that graphql-core itself found in the request is
    BAD_USER_INPUT. Anything else is INTERNAL with an error id, under which the cause is logged.
    """
    formatted: dict[str, Any] = dict(error.formatted)
    cause = _root_cause(error)
    domain_error = _domain_cause(error)
    if domain_error is not None:
        problem = domain_error.as_dict()
        formatted["message"] = problem.pop("message")
        formatted["extensions"] = problem
    elif cause is None:
        formatted["extensions"] = {"code": "BAD_USER_INPUT", **(error.extensions or {})}
    else:
        formatted["message"] = INTERNAL_MESSAGE
        formatted["extensions"] = {"code": "INTERNAL", "errorId": _log_internal(cause)}
    return formatted


def format_domain_error(error: DomainError) -> dict[str, Any]:
    """The wire form of an error that arose outside execution: authentication, the body, the transport."""
    problem = error.as_dict()
    return {"message": problem.pop("message"), "extensions": problem}


def format_unexpected(error: Exception) -> dict[str, Any]:
    """The wire form of an exception that escaped execution; it is logged under the id it carries."""
    return {"message": INTERNAL_MESSAGE, "extensions": {"code": "INTERNAL", "errorId": _log_internal(error)}}
