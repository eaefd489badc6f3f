"""Documents, parsed and checked. What is valid is kept, since all of it follows from the text."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import DocumentNode, GraphQLError, parse, validate

from gql.errors import format_error
from gql.limits import Selected, read_operations
from gql.schema import schema

MAX_TOKENS = 2000  # a page of GraphiQL's introspection has 400; 100k tokens took 2 s to parse
MAX_VALIDATION_ERRORS = 20
CACHED_DOCUMENTS = 500
CACHED_DOCUMENT_MAX_CHARACTERS = 20_000
QUICK_DOCUMENT_MAX_CHARACTERS = 2_000


class InvalidDocument(Exception):
    """The document does not parse, is not valid, or has no such operation. `errors` are wire dicts."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = [format_error(error) for error in errors]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A valid document.

    `selected` has, for the cost, what each operation selects, by its name (see `gql.limits.read_operations`). `plans`
    is the executor's: what it compiled for an operation, by the same name.
    """

    document: DocumentNode
    selected: Mapping[str | None, tuple[Selected, ...]]
    plans: dict[str | None, Any] = field(default_factory=dict)


class Documents:
    """The valid documents that were asked for last, by their text."""

    def __init__(self, capacity: int = CACHED_DOCUMENTS) -> None:
        self._capacity = capacity
        self._prepared: OrderedDict[str, Prepared] = OrderedDict()

    def __len__(self) -> int:
        return len(self._prepared)

    async def get(self, text: str) -> Prepared:
        """The prepared document.

        Raises:
            InvalidDocument: also for a document that asks for too much.
        """
        prepared = self._prepared.get(text)
        if prepared is not None:
            self._prepared.move_to_end(text)
            return prepared
        if len(text) <= QUICK_DOCUMENT_MAX_CHARACTERS:
            prepared = parse_and_validate(text)
        else:  # a hostile one may take a second, which must not hold up everybody else on the event loop
            prepared = await asyncio.to_thread(parse_and_validate, text)
        if len(text) <= CACHED_DOCUMENT_MAX_CHARACTERS:
            self._prepared[text] = prepared
            if len(self._prepared) > self._capacity:
                self._prepared.popitem(last=False)
        return prepared


def parse_and_validate(text: str) -> Prepared:
    """Prepare a document that is not known yet.

    Raises:
        InvalidDocument.
    """
    prepared = None
    try:
        document = parse(text, max_tokens=MAX_TOKENS)
        # First: validation compares fields in pairs.
        prepared = Prepared(document, read_operations(schema.graphql_schema, document))
        errors = validate(
            schema.graphql_schema, document, max_errors=MAX_VALIDATION_ERRORS, hide_suggestions=True
        )
    except GraphQLError as error:
        errors = [error]
    except RecursionError:
        errors = [GraphQLError("The document is nested too deeply.")]
    if errors or prepared is None:
        raise InvalidDocument(errors)
    return prepared


documents = Documents()
