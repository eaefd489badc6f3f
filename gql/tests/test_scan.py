"""The scan of a document's tokens counts what graphql-core's parser finds, and refuses what is above the limits."""

import re
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    Lexer,
    OperationDefinitionNode,
    Source,
    TokenKind,
    Visitor,
    get_introspection_query,
    parse,
    visit,
)
from hypothesis import given
from hypothesis import strategies as st

from gql.protection.limits import LIMITS, CostLimited, DepthLimited
from gql.protection.scan import Scan, find_circle, scan

NAMES = st.sampled_from(
    ["a", "on", "query", "fragment", "mutation", "type", "__typename", "true", "null", "Äb"[1:]]
)
FRAGMENT_NAMES = st.sampled_from(["F", "query", "fragment", "Ons"])
GAPS = st.sampled_from([" ", " ", "\n", ", ", "\ufeff ", ' # } ) ] " ... {\n', "\t\r\n"])
VALUES = st.recursive(
    st.sampled_from(
        [
            "1",
            "-2.5e3",
            '"a {"',
            '""',
            '"\\""',
            '"""{ " ...\n@ """',
            '"""\\""" """',
            "$v",
            "true",
            "ENUM",
            "on",
        ]
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda values: f"[{' '.join(values)}]"),
        st.lists(st.tuples(NAMES, inner), max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{name}: {value}" for name, value in pairs) + "}"
        ),
    ),
    max_leaves=4,
)


def _joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """The parts with something between them that means nothing."""
    return st.tuples(GAPS, st.tuples(*parts)).map(lambda drawn: drawn[0].join(drawn[1]))


def _in_brackets(inner: st.SearchStrategy[str], brackets: str, most: int = 3) -> st.SearchStrategy[str]:
    return st.lists(inner, max_size=most).map(
        lambda parts: f"{brackets[0]}{' '.join(parts)}{brackets[1]}" if parts else ""
    )


ARGUMENTS = _in_brackets(_joined(NAMES, st.just(":"), VALUES), "()")
DIRECTIVES = st.lists(_joined(st.just("@"), NAMES, ARGUMENTS), max_size=2).map(" ".join)
CONDITIONS = st.one_of(st.just(""), NAMES.map(lambda name: f"on {name}"))
SPREADS = _joined(st.just("..."), FRAGMENT_NAMES, DIRECTIVES)
ALIASES = st.one_of(st.just(""), NAMES.map(lambda name: f"{name} :"))


def _selection_set(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(inner, min_size=1, max_size=4).map(lambda selections: "{" + " ".join(selections) + "}")


def _fields(below: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        _joined(ALIASES, NAMES, ARGUMENTS, DIRECTIVES, below),
        _joined(st.just("..."), CONDITIONS, DIRECTIVES, below.filter(bool)),
        SPREADS,
    )


SELECTION_SETS = st.recursive(
    _selection_set(_joined(ALIASES, NAMES, ARGUMENTS, DIRECTIVES)),
    lambda inner: _selection_set(_fields(st.one_of(st.just(""), inner))),
    max_leaves=6,
)
VARIABLES = _in_brackets(
    _joined(
        st.just("$"),
        NAMES,
        st.just(":"),
        st.sampled_from(["ID", "[ID!]!", "on"]),
        st.one_of(st.just(""), VALUES.filter(lambda value: "$" not in value).map(lambda value: f"= {value}")),
    ),
    "()",
)
DEFINITIONS = st.one_of(
    SELECTION_SETS,
    _joined(
        st.sampled_from(["query", "mutation", "subscription"]),
        st.one_of(st.just(""), NAMES),
        VARIABLES,
        DIRECTIVES.filter(lambda text: "$" not in text),
        SELECTION_SETS,
    ),
    _joined(st.just("fragment"), FRAGMENT_NAMES, st.just("on"), NAMES, DIRECTIVES, SELECTION_SETS),
)
DOCUMENTS = st.lists(DEFINITIONS, min_size=1, max_size=3).map("\n".join)


class _Count(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: object) -> None:
        self.found["operations"] += 1

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: object) -> None:
        self.found["fragments"] += 1

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        self.found["spread_count"] += 1

    def enter_directive(self, node: DirectiveNode, *_: object) -> None:
        self.found["directives"] += 1

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.found["aliases"] += node.alias is not None


def tokens_of(text: str) -> int:
    lexer = Lexer(Source(text))
    count = 0
    while lexer.advance().kind is not TokenKind.EOF:
        count += 1
    return count


@given(DOCUMENTS)
def test_the_scan_counts_what_the_parser_finds(text):
    count = _Count()
    visit(parse(text), count)

    seen = Scan()
    seen.read(text)

    assert seen.tokens == tokens_of(text)
    names = ("operations", "fragments", "spread_count", "directives", "aliases")
    assert {name: getattr(seen, name) for name in names} == {name: count.found[name] for name in names}


def test_the_table_of_the_documentation_has_the_limits():
    page = (Path(__file__).parents[2] / "docs" / "protocols.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| .*\|$", page, re.MULTILINE)

    assert {name: int(most) for name, most in rows} == asdict(LIMITS)


def test_the_introspection_of_graphiql_passes():
    seen = scan(get_introspection_query(schema_description=True, input_value_deprecation=True))

    assert (seen.operations, seen.fragments) == (1, 3)


@pytest.mark.parametrize(
    ("limit", "allowed", "refused"),
    [
        ("tokens", "{ a b }", "{ a b c }"),
        ("comments", "#1\n#2\n#3\n#4\n{ a }", "#1\n#2\n#3\n#4\n#5\n{ a }"),
        ("ignored_characters", "{ a ,}", "{ a , }#"),
        ("name_characters", "{ aaaa }", "{ aaaaa }"),
        ("number_characters", "{ a(b: 1234) }", "{ a(b: 12345) }"),
        ("string_characters", '{ a(b: "cd") }', '{ a(b: "cde") }'),
        ("operations", "{ a } " * 4, "{ a } " * 5),
        ("fragments", "fragment F on T { a } " * 4, "fragment F on T { a } " * 5),
        ("variables", "query($a: T $b: T $c: T $d: T) { a }", "query($a: T $b: T $c: T $d: T $e: T) { a }"),
        ("aliases", "{ a: e b: e { c: e d: e } }", "{ a: e b: e { c: e d: e f: e } }"),
        ("directives", "{ a @b b @b { c @b d @b } }", "{ a @b b @b { c @b d @b e @b } }"),
        ("directives_of_one_place", "{ a @b @b @b @b b @b }", "{ a @b @b @b @b @b }"),
        ("spreads", "{ ...F ...F ... { ...F ...F } }", "{ ...F ...F ... { ...F ...F ...F } }"),
        ("root_fields", "{ a b ...F c { d e f g } }", "{ a b ...F ... { d } e }"),
        ("selections", "{ a { a b ...F ... { a b } } }", "{ a { a b ...F ... { a b } c } }"),
        ("repeats", "{ a: b a: b a: b a: c { a } }", "{ a: b a: b a: b a: c a: d }"),
        ("nesting", "{ a(b: [[1]]) }", "{ a(b: [[[1]]]) }"),
        ("value_nesting", "{ a(b: [[[[1]]]]) }", "{ a(b: [[[[[1]]]]]) }"),
    ],
)
def test_a_limit_of_4_allows_4_and_not_5(limit, allowed, refused):
    limits = replace(LIMITS, **{limit: 4})

    scan(allowed, limits)
    with pytest.raises((CostLimited, DepthLimited), match=r"\b4\b"):
        scan(refused, limits)


@pytest.mark.parametrize(
    ("spreads", "circle"),
    [
        ({}, []),
        ({"A": ["B", "B"], "B": ["C"], "C": []}, []),
        ({"A": ["B", "C"], "B": ["D"], "C": ["D"]}, []),
        ({"A": ["A"]}, ["A"]),
        ({"A": ["B"], "B": ["C", "unknown"], "C": ["B"]}, ["B", "C"]),
    ],
)
def test_circles_of_fragments_are_found(spreads, circle):
    assert find_circle(spreads) == circle


def test_a_circle_is_told_as_validation_tells_it():
    with pytest.raises(GraphQLError, match="Cannot spread fragment 'A' within itself via 'B'."):
        scan("{ ...A } fragment A on T { a { ...B } } fragment B on T { ...A }")


def test_a_string_without_an_end_is_told_with_its_place():
    with pytest.raises(GraphQLError, match="Unterminated string") as refused:
        scan('{ a(b: "c')

    assert refused.value.formatted["locations"] == [{"line": 1, "column": 8}]
