"""Random valid operations over a schema, for Hypothesis: aliases, fragments, directives, variables, abstract types.

A response key always stands for the same field with the same arguments, so that most of what is drawn can be merged;
the rest fails validation and is thrown away by the caller.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
)
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

FLAGS = ("yes", "no", "maybe")
Arguments = Mapping[tuple[str, str], tuple[str, ...]]
# How many times the examples of `make test` are tried; see CONTRIBUTING.md.
RANDOM_TIMES = int(os.environ.get("RANDOM_TIMES", "1"))


def relaxed(examples: int) -> settings:
    """As many examples, times RANDOM_TIMES, however long each takes and however many are thrown away."""
    return settings(
        max_examples=examples * RANDOM_TIMES, deadline=None, suppress_health_check=list(HealthCheck)
    )


@dataclass
class Query:
    """An operation's text and its variables."""

    text: str
    variables: dict[str, Any]


@dataclass
class _Writer:
    """Draws one operation. `arguments` has, by (type, field), the argument lists that may be used."""

    schema: GraphQLSchema
    draw: Callable[[Any], Any]
    arguments: Arguments
    skipped: frozenset[tuple[str, str]]
    fragments: dict[str, str] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)

    def selections(self, type_: Any, depth: int) -> str:
        count = self.draw(st.integers(2, 6) if depth > 2 else st.integers(1, 3))
        return "{ " + " ".join(self.selection(type_, depth) for _ in range(count)) + " }"

    def selection(self, type_: Any, depth: int) -> str:
        kind = self.draw(st.sampled_from(["field"] * 12 + ["inline", "spread", "typename"]))
        if kind == "inline":
            return f"... on {self.narrower(type_)} {self.directive()} {self.inner(depth)}"
        if kind == "spread":
            return f"...{self.fragment(type_, depth)} {self.directive()}"
        if kind == "typename" or isinstance(type_, GraphQLUnionType):
            return "__typename"
        return self.field(type_, depth)

    def narrower(self, type_: Any) -> Any:
        """The type itself or, for an abstract one, one of those it stands for; sets `_inner` to it."""
        choices = [type_]
        if isinstance(type_, GraphQLUnionType | GraphQLInterfaceType):
            choices += self.schema.get_possible_types(type_)
        self._inner = self.draw(st.sampled_from(choices))
        return self._inner

    def inner(self, depth: int) -> str:
        return self.selections(self._inner, depth - 1) if depth > 0 else "{ __typename }"

    def fragment(self, type_: Any, depth: int) -> str:
        known = [name for name, text in self.fragments.items() if f" on {type_.name} " in text]
        if known and self.draw(st.booleans()):
            return str(self.draw(st.sampled_from(known)))
        body = self.selections(type_, depth - 1) if depth > 0 else "{ __typename }"
        name = f"F{len(self.fragments)}"
        self.fragments[name] = f"fragment {name} on {type_.name} {body}"
        return name

    def field(self, type_: Any, depth: int) -> str:
        fields: dict[str, GraphQLField] = type_.fields
        names = [
            name
            for name, one in fields.items()
            if (type_.name, name) not in self.skipped
            and (depth > 0 or not is_composite_type(get_named_type(one.type)))
        ]
        if not names:
            return "__typename"
        deep = [name for name in names if is_composite_type(get_named_type(fields[name].type))]
        name = self.draw(st.sampled_from(deep if deep and self.draw(st.booleans()) else names))
        choices = self.arguments.get((type_.name, name), ("",))
        number = self.draw(st.integers(0, len(choices) - 1))
        alias = self.draw(st.sampled_from(["", "x", "y"]))
        key = f"{alias}{name}{number}: " if alias or number else ""
        named = get_named_type(fields[name].type)
        below = self.selections(named, depth - 1) if is_composite_type(named) else ""
        return f"{key}{name}{choices[number]} {self.directive()} {below}"

    def directive(self) -> str:
        kind = self.draw(st.sampled_from([""] * 8 + ["@skip", "@include"]))
        if not kind:
            return ""
        condition = self.draw(st.sampled_from(["true", "false", *FLAGS]))
        if condition in FLAGS:
            self.flags.add(condition)
            condition = f"${condition}"
        return f"{kind}(if: {condition})"


@st.composite
def queries(
    draw: Any,
    schema: GraphQLSchema,
    *,
    root: GraphQLObjectType | None = None,
    depth: int = 5,
    kind: str = "query",
    arguments: Arguments | None = None,
    skipped: frozenset[tuple[str, str]] = frozenset(),
    declared: Mapping[str, str] | None = None,
    variables: dict[str, Any] | None = None,
) -> Query:
    """Operations. `declared` has the types of the variables that `arguments` use, `variables` their values."""
    writer = _Writer(schema, draw, arguments or {}, skipped)
    body = writer.selections(root or schema.query_type, depth)
    flags = sorted(writer.flags)
    given = dict(variables or {}) | {name: draw(st.booleans()) for name in flags}
    parts = [body, *writer.fragments.values()]
    used = set(re.findall(r"\$(\w+)", " ".join(parts)))
    heads = [f"${name}: {type_}" for name, type_ in (declared or {}).items() if name in used]
    heads += [f"${name}: Boolean!" for name in flags]
    parts[0] = f"{kind} Q{'(' + ' '.join(heads) + ')' if heads else ''} {body}"
    return Query("\n".join(parts), given)
