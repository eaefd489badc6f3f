"""Documents, parsed and checked. What is valid is kept, since all of it follows from the text."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from graphql import DocumentNode, GraphQLError, parse, validate

from gql.compiled import most_variants
from gql.errors import format_error
from gql.protection.estimate import CostFunction
from gql.protection.limits import LIMITS, DepthLimited
from gql.protection.scan import scan
from gql.protection.selection import SelectingOperation, read_operations
from gql.recent import Recent
from gql.schema import schema

MAX_VALIDATION_ERRORS = 20
CACHED_DOCUMENTS = 500
CACHED_CHARACTERS = 200_000  # of all of them: a character takes 200 to 350 bytes
PLAN_FIELD_CHARACTERS = 2  # a field of a compiled plan takes as much memory as two characters
CACHED_DOCUMENT_MAX_CHARACTERS = 20_000
QUICK_DOCUMENT_MAX_CHARACTERS = 500  # to parse and validate as much takes 2 ms


class InvalidDocument(Exception):
    """The document does not parse, is not valid, or has no such operation. `errors` are wire dicts."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = [format_error(error) for error in errors]


@dataclass(frozen=True, slots=True)
class PreparedOperation:
    """An operation of a valid document: what it selects, and what that costs with its variables."""

    selecting: SelectingOperation
    cost: CostFunction


@dataclass(frozen=True, slots=True)
class Prepared:
    """A valid document with its operations by name; None is the name of one without.

    `plans` is the executor's: what it compiled for an operation, by the same name. `weight` is what all of this takes
    in memory at most, once each plan was asked for, in characters of a document.
    """

    document: DocumentNode
    operations: Mapping[str | None, PreparedOperation]
    weight: int
    plans: dict[str | None, Any] = field(default_factory=dict)


class Documents:
    """The valid documents that were asked for last, by their text."""

    def __init__(self, capacity: int = CACHED_DOCUMENTS, max_weight: int = CACHED_CHARACTERS) -> None:
        self._prepared: Recent[str, Prepared] = Recent(max_weight, attrgetter("weight"), max_values=capacity)

    def __len__(self) -> int:
        return len(self._prepared)

    def forget(self) -> None:
        """Know none of them."""
        self._prepared.clear()

    def find(self, text: str) -> Prepared | None:
        """The document, if it is known."""
        return self._prepared.get(text)

    async def add(self, text: str) -> Prepared:
        """Prepare a document that is not known yet.

        Raises:
            InvalidDocument: also for a document that asks for too much.
        """
        if len(text) <= QUICK_DOCUMENT_MAX_CHARACTERS:
            prepared = parse_and_validate(text)
        else:  # it must not hold up everybody else on the event loop
            prepared = await asyncio.to_thread(parse_and_validate, text)
        if prepared.weight <= CACHED_DOCUMENT_MAX_CHARACTERS and text not in self._prepared:
            self._prepared.put(text, prepared)
        return prepared


def parse_and_validate(text: str) -> Prepared:
    """Prepare a document, refusing it as soon as that can be told: its tokens, then its selections, then its validity.

    Raises:
        InvalidDocument.
    """
    try:
        scan(text)
        document = parse(text, max_tokens=LIMITS.tokens)
        selecting = read_operations(schema.graphql_schema, document)
        errors = validate(
            schema.graphql_schema, document, max_errors=MAX_VALIDATION_ERRORS, hide_suggestions=True
        )
    except GraphQLError as error:
        raise InvalidDocument([error]) from None
    except RecursionError:
        raise InvalidDocument([DepthLimited("The document is nested too deeply.")]) from None
    if errors:
        raise InvalidDocument(errors)
    _unlink_tokens(document)
    operations = {name: PreparedOperation(one, CostFunction(one)) for name, one in selecting.items()}
    return Prepared(document, operations, _weight(text, document, selecting.values()))


def _weight(text: str, document: DocumentNode, operations: Iterable[SelectingOperation]) -> int:
    variants = most_variants(document) if "@" in text else 1
    plan_fields = sum(operation.selection.fields for operation in operations) * variants
    return len(text) + plan_fields * PLAN_FIELD_CHARACTERS


def _unlink_tokens(document: DocumentNode) -> None:
    """Take the parser's tokens apart, which nobody looks at any more. Nodes keep what says where they stand.

    Each token links to the next and to the one before. Such circles stay until Python's collector comes, and to what
    was kept for a while it comes seldom (project/web.py): documents that were forgotten long ago would fill memory.
    """
    token = document.loc.start_token if document.loc else None
    while token is not None:
        following = token.next
        token.prev = token.next = None
        token = following


documents = Documents()
