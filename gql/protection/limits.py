"""How much one document may ask for, and the errors that say so. Pure.

The table in docs/protocols.md has these numbers.
"""

from dataclasses import dataclass

from graphql import GraphQLError


class CostLimited(GraphQLError):
    """The document asks for too much."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "COST_LIMITED"})


class DepthLimited(GraphQLError):
    """Something in the document is nested too deeply."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": "DEPTH_LIMITED"})


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """The most a document may have of each.

    The parser takes 10 us of CPU for a token, and validation compares the fields of a response name in pairs: both
    stay below about 20 ms with these.
    """

    characters: int = 50_000
    ignored_characters: int = 20_000  # blanks, commas, byte order marks, comments
    comments: int = 200
    tokens: int = 2000  # GraphiQL's introspection has 400
    name_characters: int = 128
    number_characters: int = 40
    string_characters: int = 40_000  # a message of the most characters, all of them escaped
    nesting: int = 50  # brackets of any kind; the parser descends as deep as they
    value_nesting: int = 10  # lists and objects in arguments
    operations: int = 20
    fragments: int = 50
    variables: int = 50  # of one operation
    aliases: int = 100
    directives: int = 50
    directives_of_one_place: int = 5
    spreads: int = 100
    root_fields: int = 50
    selections: int = 200  # of one selection set, with those of its fragments
    repeats: int = 20  # of one response name in one selection set
    fields: int = 6000  # each fragment counted wherever it is spread
    visits: int = 4000  # of selections, while those of the same names are brought together
    depth: int = 12
    introspection_depth: int = 20  # GraphiQL's question goes down 15 levels, nine of them `ofType`


LIMITS = DocumentLimits()

# What one operation may ask for, with its variables.
MAX_COST = 20_000
MAX_VALUES = 100_000  # fields of all objects
