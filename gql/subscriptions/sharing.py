"""One execution of a subscription's selection for all who get the same of an event, and its data encoded once.

Only what is named in `SAME_FOR_ALL` is shared, it is computed for nobody in particular, and the result hangs on the
event's own message: it goes with it. Access and charges stay with each subscriber (`gql.subscriptions.feeds`,
`gql.execution`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from django.conf import settings
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
)

from gql.context import Context
from gql.requests.operations import Operation
from gql.schema import schema
from gql.subscriptions.feeds import shared_results_of

MAX_SHARED = 32  # operations of one event; those beyond run for each subscriber

# What every caller is given alike for an event's message: its columns, and of its author what came with the event.
SAME_FOR_ALL = {
    "Subscription": {"messageAdded"},
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
    """A result without errors: the data, and the same encoded."""

    data: Any
    json: orjson.Fragment


def sharing_key(operation: Operation, context: Context) -> Key | None:
    """What two subscriptions must have in common to share results; None if this one shares with nobody.

    Guests never share: of people outside their rooms they are told less.
    """
    if context.user is None or context.user.is_guest:
        return None
    root = schema.graphql_schema.subscription_type
    if root is None or not _Judge(operation.prepared.document).allows(operation.node.selection_set, root):
        return None
    variables = orjson.dumps(operation.params.variables, option=orjson.OPT_SORT_KEYS)
    return id(operation.prepared), operation.name, variables, settings.GRAPHQL_EXECUTOR


class _Judge:
    """Whether all that is selected is in `SAME_FOR_ALL`.

    It reads a fragment once for each type that it is spread on: fragments that spread the next one twice would
    otherwise take time that doubles with each.
    """

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._read: set[tuple[str, str]] = set()

    def allows(self, selected: SelectionSetNode, parent: GraphQLObjectType) -> bool:
        """Whether objects of the type may be shared with these fields selected."""
        return all(self._allows_selection(node, parent) for node in selected.selections)

    def _allows_selection(self, node: SelectionNode, parent: GraphQLObjectType) -> bool:
        match node:
            case FieldNode():
                return self._allows_field(node, parent)
            case FragmentSpreadNode():
                place = (node.name.value, parent.name)
                if place in self._read:  # a refusal has ended the whole
                    return True
                self._read.add(place)
                return self.allows(self._fragments[node.name.value].selection_set, parent)
            case InlineFragmentNode():
                return self.allows(node.selection_set, parent)
        return False

    def _allows_field(self, node: FieldNode, parent: GraphQLObjectType) -> bool:
        name = node.name.value
        if name == "__typename":
            return True
        if name not in SAME_FOR_ALL.get(parent.name, ()):
            return False
        if node.selection_set is None:
            return True
        below = get_named_type(parent.fields[name].type)
        return isinstance(below, GraphQLObjectType) and self.allows(node.selection_set, below)


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
        results[key] = asyncio.create_task(_encoded(compute)), operation.prepared
    task: asyncio.Task[Shared | None] = results[key][0]
    return task.result() if task.done() else await asyncio.shield(task)


async def _encoded(compute: Callable[[], Awaitable[Response]]) -> Shared | None:
    response = await compute()
    if "errors" in response:
        return None
    return Shared(response["data"], orjson.Fragment(orjson.dumps(response["data"])))
