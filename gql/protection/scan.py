"""A look at a document's tokens before the parser sees them: thirty times cheaper than parsing, and enough to refuse
floods of anything. Pure.

What stands in a document can be told without its grammar: a brace inside parentheses opens an object, one outside of
them a selection set. The scan ends at the first thing that no document has in that place, since the parser ends there
too and says what is wrong.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from graphql import GraphQLError, GraphQLSyntaxError, Source

from gql.protection.limits import LIMITS, CostLimited, DepthLimited, DocumentLimits

# Each character has one way to match, so what is repeated gives up in linear time. Groups are not possessive (`*+`):
# Python 3.11.2, which is Debian's, matches these wrongly.
_TOKEN = re.compile(
    r"""
      (?P<ignored> [ \t\r\n,\ufeff]++ )
    | (?P<name> [_A-Za-z][_0-9A-Za-z]*+ )
    | (?P<mark> \.\.\. | [!$&()\[\]{}:=@|] )
    | (?P<comment> \#[^\r\n]*+ )
    | (?P<block> \"\"\" (?: [^"\\]++ | \\\"\"\" | \\ | \"(?!\"\") )* \"\"\" )
    | (?P<string> " (?: [^"\\\r\n]++ | \\. )* " )
    | (?P<number> -?[0-9][0-9A-Za-z_.+-]*+ )
    """,
    re.VERBOSE,
)
_CLOSES = {")": "(", "]": "[", "}": "{"}
_OPERATIONS = ("query", "mutation", "subscription")


@dataclass(slots=True)
class _SelectionSet:
    is_root: bool
    selections: int = 0
    names: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Scan:
    """What a document has of what is limited. `spreads` are the fragments each fragment spreads, by its name."""

    limits: DocumentLimits = LIMITS
    tokens: int = 0
    comments: int = 0
    ignored_characters: int = 0
    operations: int = 0
    fragments: int = 0
    variables: int = 0  # of the operation being read
    aliases: int = 0
    directives: int = 0
    directives_here: int = 0
    spreads: dict[str, list[str]] = field(default_factory=dict)
    spread_count: int = 0
    # Where the scan is: brackets around it, selection sets around it, how many of the brackets are in arguments, the
    # words of the definition so far, the fragment it defines, and the name or mark before.
    _brackets: list[str] = field(default_factory=list)
    _sets: list[_SelectionSet] = field(default_factory=list)
    _values: int = 0
    _heading: list[str] = field(default_factory=list)
    _fragment: str | None = None
    _before: str = ""

    def read(self, text: str) -> None:
        """Go through the document.

        Raises:
            CostLimited; DepthLimited; GraphQLSyntaxError: a string without an end.
        """
        limits = self.limits
        if len(text) > limits.characters:
            raise CostLimited(f"A document may have at most {limits.characters:,} characters.")
        at = 0
        while match := _TOKEN.match(text, at):
            at = match.end()
            kind = match.lastgroup
            if kind == "ignored" or kind == "comment":
                self._pass_over(kind, at - match.start())
                continue
            self.tokens += 1
            if self.tokens > limits.tokens:
                raise CostLimited(f"A document may have at most {limits.tokens:,} tokens.")
            token = match.group()
            if kind == "name":
                self._read_name(token)
            elif kind == "mark":
                if not self._read_mark(token):
                    return
            else:
                self._check_value(kind, len(token))
                self._before = '"'
        if text.startswith('"', at):  # the parser would go through all of it
            raise GraphQLSyntaxError(Source(text), at, "Unterminated string.")

    def _pass_over(self, kind: str, characters: int) -> None:
        self.ignored_characters += characters
        if self.ignored_characters > self.limits.ignored_characters:
            raise CostLimited(
                f"A document may have at most {self.limits.ignored_characters:,} blanks and characters of comments."
            )
        if kind == "comment":
            self.comments += 1
            if self.comments > self.limits.comments:
                raise CostLimited(f"A document may have at most {self.limits.comments} comments.")

    def _check_value(self, kind: str | None, characters: int) -> None:
        if kind == "number" and characters > self.limits.number_characters:
            raise CostLimited(f"A number may have at most {self.limits.number_characters} characters.")
        if characters > self.limits.string_characters:
            raise CostLimited(
                f"A string may have at most {self.limits.string_characters:,} characters. Use a variable."
            )

    def _read_name(self, name: str) -> None:
        if len(name) > self.limits.name_characters:
            raise CostLimited(f"A name may have at most {self.limits.name_characters} characters.")
        before, self._before = self._before, name
        if self._values or before == "@":
            return
        if not self._sets:
            self._read_heading(name)
        elif before == "...":
            if name == "on":
                self._before = "... on"
            else:
                self._spread(name)
        elif before == ":":
            self.aliases += 1
            if self.aliases > self.limits.aliases:
                raise CostLimited(f"A document may have at most {self.limits.aliases} aliases.")
        elif before != "... on":
            self._select(name)

    def _read_heading(self, name: str) -> None:
        """A word before a definition's braces."""
        self._heading.append(name)
        self.directives_here = 0
        if len(self._heading) == 2 and self._heading[0] == "fragment":
            self._fragment = name
            self.fragments += 1
            if self.fragments > self.limits.fragments:
                raise CostLimited(f"A document may have at most {self.limits.fragments} fragments.")

    def _select(self, name: str | None) -> None:
        """One more field, of that response name, or spread of the innermost selection set."""
        self.directives_here = 0
        chosen = self._sets[-1]
        chosen.selections += 1
        if chosen.is_root and chosen.selections > self.limits.root_fields:
            raise CostLimited(f"An operation may have at most {self.limits.root_fields} fields at its root.")
        if chosen.selections > self.limits.selections:
            raise CostLimited(f"A selection set may have at most {self.limits.selections} fields.")
        if name is not None:
            chosen.names[name] += 1
            if chosen.names[name] > self.limits.repeats:
                raise CostLimited(f"A selection set may have one name at most {self.limits.repeats} times.")

    def _spread(self, fragment: str) -> None:
        self.spread_count += 1
        if self.spread_count > self.limits.spreads:
            raise CostLimited(f"A document may have at most {self.limits.spreads} fragment spreads.")
        if self._fragment is not None:
            self.spreads.setdefault(self._fragment, []).append(fragment)

    def _read_mark(self, mark: str) -> bool:
        """Whether the mark may stand here."""
        if mark in "([{":
            self._open(mark)
        elif mark in ")]}":
            if not self._brackets or self._brackets[-1] != _CLOSES[mark]:
                return False
            self._close()
        elif mark == "..." and self._sets and not self._values:
            self._select(None)
        elif mark == "@":
            self._count_directive()
        elif mark == "$" and not self._sets:
            self.directives_here = 0
            self.variables += 1
            if self.variables > self.limits.variables:
                raise CostLimited(f"An operation may have at most {self.limits.variables} variables.")
        self._before = mark
        return True

    def _count_directive(self) -> None:
        limits = self.limits
        self.directives += 1
        self.directives_here += 1
        if self.directives > limits.directives:
            raise CostLimited(f"A document may have at most {limits.directives} directives.")
        if self.directives_here > limits.directives_of_one_place:
            raise CostLimited(f"At most {limits.directives_of_one_place} directives may stand in one place.")

    def _open(self, bracket: str) -> None:
        self._brackets.append(bracket)
        if len(self._brackets) > self.limits.nesting:
            raise DepthLimited(f"Brackets may be nested {self.limits.nesting} levels deep.")
        if self._values or bracket != "{":
            self._values += 1
            if self._values - 1 > self.limits.value_nesting:
                raise DepthLimited(
                    f"Lists and objects may be nested {self.limits.value_nesting} levels deep in arguments."
                )
            return
        is_root = not self._sets and self._fragment is None
        if is_root:
            self.operations += 1
            if self.operations > self.limits.operations:
                raise CostLimited(f"A document may have at most {self.limits.operations} operations.")
        self.directives_here = 0
        self._sets.append(_SelectionSet(is_root))

    def _close(self) -> None:
        self._brackets.pop()
        if self._values:
            self._values -= 1
            return
        self._sets.pop()
        if not self._sets:
            self._heading.clear()
            self._fragment = None
            self.variables = 0


def scan(text: str, limits: DocumentLimits = LIMITS) -> Scan:
    """Refuse a document that has too much of anything, or whose fragments spread each other in a circle.

    Raises:
        CostLimited; DepthLimited; GraphQLError: the circle.
    """
    seen = Scan(limits)
    seen.read(text)
    circle = find_circle(seen.spreads)
    if circle:
        via = f" via '{circle[1]}'" if len(circle) > 1 else ""
        raise GraphQLError(f"Cannot spread fragment '{circle[0]}' within itself{via}.")
    return seen


def find_circle(spreads: Mapping[str, Iterable[str]]) -> list[str]:
    """The names of a circle of fragments that spread each other, in their order; [] if there is none."""
    done: set[str] = set()
    for start in spreads:
        path: list[str] = []
        waiting = [(start, iter(spreads[start]))] if start not in done else []
        while waiting:
            name, rest = waiting[-1]
            if len(path) < len(waiting):
                path.append(name)
            following = next(rest, None)
            if following is None:
                done.add(name)
                waiting.pop()
                path.pop()
            elif following in path:
                return path[path.index(following) :]
            elif following not in done:
                waiting.append((following, iter(spreads.get(following, ()))))
    return []
