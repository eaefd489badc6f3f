"""From a request's parameters to an operation that may run, the same for HTTP, SSE and WebSocket."""

from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, OperationDefinitionNode, OperationType, get_operation_ast

from chat.errors import BadInput
from gql.context import Context
from gql.protection.estimate import check_estimate
from gql.protection.introspection import check_introspection
from gql.protection.throttle import Charge, Payer, charge_reading
from gql.protection.variables import check_variables
from gql.requests.documents import InvalidDocument, Prepared, documents


@dataclass(frozen=True, slots=True)
class Params:
    """What a client asks for; types are checked, names and values are not yet."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a valid document, which was admitted: `charge` is what its caller paid."""

    prepared: Prepared
    node: OperationDefinitionNode
    params: Params
    charge: Charge

    @property
    def kind(self) -> OperationType:
        return self.node.operation

    @property
    def name(self) -> str | None:
        return self.node.name.value if self.node.name else None


def parse_params(raw: object) -> Params:
    """Check the shape of a request.

    Raises:
        BadInput: no object, no query, or a member of the wrong type.
    """
    if not isinstance(raw, dict):
        raise BadInput("A request must be a JSON object.")
    query, variables, name = raw.get("query"), raw.get("variables"), raw.get("operationName")
    if not isinstance(query, str) or not query:
        raise BadInput("A request needs a query.", fields={"query": "must be a string"})
    if variables is not None and not isinstance(variables, dict):
        raise BadInput("Variables must be a JSON object.", fields={"variables": "must be an object"})
    if name is not None and not isinstance(name, str):
        raise BadInput("An operation's name must be a string.", fields={"operationName": "must be a string"})
    if not isinstance(raw.get("extensions"), dict | None):
        raise BadInput("Extensions must be a JSON object.", fields={"extensions": "must be an object"})
    return Params(query, variables, name)


async def prepare(params: Params, context: Context) -> Operation:
    """The operation that the parameters ask for, once everything has let it pass and the caller has paid for it.

    Raises:
        InvalidDocument: also for an operation that asks for too much, or for the schema without being allowed to.
        RateLimited: the caller has spent too much.
    """
    payer = Payer(context)
    prepared = documents.find(params.query)
    if prepared is None:
        charge_reading(payer, params.query)
        prepared = await documents.add(params.query)
    node = get_operation_ast(prepared.document, params.operation_name)
    if node is None:
        raise InvalidDocument(
            [GraphQLError("The document has no such operation, or several and none was named.")]
        )
    asked = prepared.operations[node.name.value if node.name else None]
    estimate = asked.cost(params.variables)
    try:
        check_variables(params.variables)
        check_estimate(estimate)
        check_introspection(asked.selecting, context.user)
    except GraphQLError as error:
        raise InvalidDocument([error]) from None
    return Operation(prepared, node, params, Charge(payer, asked.selecting.selection, estimate.cost))
