"""One execution of a subscription's selection for all who get the same of an event, and its data encoded once.

Only what is named in `SAME_FOR_ALL` is shared, it is computed for nobody in particular, and the result hangs on the
event's own message: it goes with it. Access and charges stay with each subscriber (`gql.subscriptions.feeds`,
`gql.execution`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from django.conf import settings
from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLUnionType,
    InlineFragmentNode,
    ListValueNode,
    NamedTypeNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from chat.limiting.limits import Balance
from gql.context import Context
from gql.protection.throttle import EventCost
from gql.requests.operations import Operation
from gql.schema import schema
from gql.subscriptions.feeds import shared_results_of

MAX_SHARED = 32  # operations of one event; those beyond run for each subscriber

# What every caller but guests is given alike for an event: the columns of its message, of the author what came with it,
# and of who types or comes the name.
SAME_FOR_ALL: dict[str, set[str]] = {
    "Subscription": {"messageAdded", "roomEvents"},
    "MessageAdded": {"message"},
    "MessageUpdated": {"message"},
    "MessageDelta": {"messageId", "index", "text"},
    "TypingChanged": {"user", "typing"},
    "PresenceChanged": {"user", "presence"},
    "Message": {
        *("id", "roomId", "version", "kind", "author", "text", "html", "status", "error", "citations"),
        *("parentId", "attachments", "clientId", "createdAt", "editedAt", "deletedAt", "deltaIndex"),
    },
    "User": {"id", "username", "displayName", "isBot"},
    "ProblemDetail": {"code", "message"},
    "Citation": {"number", "documentId", "documentTitle", "page", "heading", "quote", "url"},
    "Attachment": {"id", "filename", "mediaType", "sizeBytes", "url"},
}

Key = tuple[Any, ...]
Response = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shared:
    """A result without errors: the data encoded, and what they cost.

    `response` is the whole response but what `end_of_response` adds for each subscriber.
    """

    json: orjson.Fragment
    cost: EventCost
    response: bytes


def end_of_response(balance: Balance | None) -> bytes:
    """What follows `Shared.response`: what is left of a subscriber's allowance, if it is limited."""
    if balance is None:
        return b"}}}"
    return b',"remaining":%d,"restoreRate":%d}}}' % (balance.left, int(balance.allowance.per_s))


def sharing_key(operation: Operation, context: Context) -> Key | None:
    """What two subscriptions must have in common to share results; None if this one shares with nobody.

    Guests never share: of people outside their rooms they are told less. Of the variables those count that a result
    can depend on: from where a subscriber wants to be told (`since`) makes no difference to what it is told.
    """
    if context.user is None or context.user.is_guest:
        return None
    judge = _Judge(operation.prepared.document)
    if not judge.allows_operation(operation.node):
        return None
    given = operation.params.variables or {}
    variables = {name: given[name] for name in judge.variables if name in given}
    encoded = orjson.dumps(variables, option=orjson.OPT_SORT_KEYS)
    return id(operation.prepared), operation.name, encoded, settings.GRAPHQL_EXECUTOR


class _Judge:
    """Whether all that is selected is in `SAME_FOR_ALL`, and which variables it depends on.

    It reads a fragment once for each type that it is spread on: fragments that spread the next one twice would
    otherwise take time that doubles with each.
    """

    def __init__(self, document: DocumentNode) -> None:
        self.variables: set[str] = set()
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._read: set[tuple[str, str]] = set()

    def allows_operation(self, operation: OperationDefinitionNode) -> bool:
        """Whether the events of a subscription may be shared."""
        root = schema.graphql_schema.subscription_type
        return root is not None and self._allows(operation.selection_set, root)

    def _allows(self, selected: SelectionSetNode, parent: GraphQLNamedType) -> bool:
        return all(self._allows_selection(node, parent) for node in selected.selections)

    def _allows_selection(self, node: SelectionNode, parent: GraphQLNamedType) -> bool:
        for directive in node.directives:
            self._note(directive.arguments)
        match node:
            case FieldNode():
                return self._allows_field(node, parent)
            case FragmentSpreadNode():
                place = (node.name.value, parent.name)
                if place in self._read:  # a refusal has ended the whole
                    return True
                self._read.add(place)
                fragment = self._fragments[node.name.value]
                return self._allows(fragment.selection_set, _narrowed(parent, fragment.type_condition))
            case InlineFragmentNode():
                return self._allows(node.selection_set, _narrowed(parent, node.type_condition))
        return False

    def _allows_field(self, node: FieldNode, parent: GraphQLNamedType) -> bool:
        name = node.name.value
        if name == "__typename":
            return True
        if not isinstance(parent, GraphQLObjectType) or name not in SAME_FOR_ALL.get(parent.name, ()):
            return False
        is_root = parent is schema.graphql_schema.subscription_type
        self._note(one for one in node.arguments if not (is_root and one.name.value == "since"))
        if node.selection_set is None:
            return True
        below = get_named_type(parent.fields[name].type)
        return isinstance(below, GraphQLObjectType | GraphQLUnionType) and self._allows(
            node.selection_set, below
        )

    def _note(self, arguments: Iterable[ArgumentNode]) -> None:
        for argument in arguments:
            self.variables.update(_variables_of(argument.value))


def _narrowed(parent: GraphQLNamedType, condition: NamedTypeNode | None) -> GraphQLNamedType:
    """What a fragment is spread on: of a union the member that it names."""
    if condition is None or not isinstance(parent, GraphQLUnionType):
        return parent
    return schema.graphql_schema.type_map[condition.name.value]


def _variables_of(value: ValueNode) -> Iterator[str]:
    match value:
        case VariableNode():
            yield value.name.value
        case ListValueNode():
            for one in value.values:
                yield from _variables_of(one)
        case ObjectValueNode():
            for field in value.fields:
                yield from _variables_of(field.value)


async def shared_result(
    event: object, operation: Operation, key: Key, compute: Callable[[], Awaitable[Response]]
) -> Shared | None:
    """The result that others get as well; None if the caller has to run the operation: an error is never shared.

    It is computed in a task of its own, so that a subscriber who leaves takes it from nobody.
    """
    results = shared_results_of(event)
    if results is None:
        return None
    key = (*key, id(asyncio.get_running_loop()))
    if key not in results:
        if len(results) >= MAX_SHARED:
            return None
        # The document is kept with the task: its id must not be another's as long as the key is there.
        results[key] = asyncio.create_task(_shared(operation, compute)), operation.prepared
    task: asyncio.Task[Shared | None] = results[key][0]
    return task.result() if task.done() else await asyncio.shield(task)


async def _shared(operation: Operation, compute: Callable[[], Awaitable[Response]]) -> Shared | None:
    response = await compute()
    if "errors" in response:
        return None
    data = orjson.dumps(response["data"])
    cost = operation.charge.event_cost(response["data"])
    start = b'{"data":%b,"extensions":{"cost":{"requested":%d,"actual":%d' % (data, *cost)
    return Shared(orjson.Fragment(data), cost, start)
