"""Attacks on GraphQL servers: those that GraphQL Armor knows, and more. Each is refused cheaply, before anything runs.

What a refusal costs is CPU time of this thread, the least of several runs: other programs do not count in it.
"""

import time
from collections.abc import Callable

import orjson
import pytest

from gql import execution
from gql.protection.limits import LIMITS
from gql.requests import documents
from gql.requests.documents import InvalidDocument, parse_and_validate

MAX_CPU_S = 0.010
RUNS = 7


def fragments(count: int, body: str, last: str) -> str:
    """Fragments F0, F1 ... of which each names the next."""
    chain = " ".join(f"fragment F{n} on User {{ {body.format(next=n + 1)} }}" for n in range(count))
    return f"{chain} fragment F{count} on User {{ {last} }}"


ATTACKS = {
    # GraphQL Armor: character limit, max tokens, max aliases, max directives, max depth, cost limit.
    "more characters than are taken": "{ me { id } }" + " " * LIMITS.characters,
    "100k tokens": "{" + " id" * 100_000 + "}",
    "tokens without blanks": "{" + "a,b," * 1_100 + "}",
    "alias overloading": "{" + " ".join(f"a{n}: me {{ id }}" for n in range(300)) + "}",
    "aliases of fields of one object": "{ me {" + " ".join(f"a{n}: id" for n in range(600)) + "} }",
    "directive overloading": "{ me { id " + "@include(if: true) " * 250 + "} }",
    "unknown directives": "{ me { id " + "@aa " * 900 + "} }",
    "directives on an operation": "query Q " + "@aa " * 900 + "{ me { id } }",
    "directives all over": "{ me {" + " ".join(f"a{n}: id @skip(if: false)" for n in range(90)) + "} }",
    "deep selections": "{ me " * 40 + "{ id }" + "}" * 40,
    "very deep selections": "{a" * 900 + "}" * 900,
    "deep selections without fragments that are spread": "{ me { ...F0 } } "
    + fragments(40, "room {{ ...F{next} }}", "id"),
    "depth in an unused fragment": "{ me { id } } fragment F on User " + "{ a " * 20 + "}" * 20,
    # findings.md: cyclic fragments, a fragment bomb, 1000 duplicate fields.
    "a fragment that spreads itself": "{ me { ...A } } fragment A on User { id ...A }",
    "fragments in a circle": "{ me { ...A } } fragment A on User { ...B } fragment B on User { ...A }",
    "a circle through fields": "{ ...A } fragment A on Query { room(id: 1) { ...B } } "
    "fragment B on Room { messages { edges { node { room { ...B } } } } }",
    "a long circle": "{ me { ...F0 } } " + fragments(48, "...F{next}", "...F0"),
    "a fragment bomb": "{ me { ...F0 } } " + fragments(45, "a: id ...F{next} ...F{next}", "id"),
    "a fragment bomb through fields": "{ me { ...F0 } } "
    + fragments(45, "a {{ ...F{next} }} b {{ ...F{next} }}", "id"),
    "1000 duplicate fields": "{" + " me{id}" * 1_000 + "}",
    "duplicate fields that are merged": "{" + ("me{" + "id " * 15 + "}") * 15 + "}",
    "duplicate fields of fragments": "{ me { ...F ...G } } fragment F on User {"
    + "id " * 15
    + "} fragment G on User {"
    + "id " * 15
    + "}",
    # Floods of what a document may have one of.
    "operations": " ".join(f"query Q{n} {{ me {{ id }} }}" for n in range(200)),
    "fragments": "{ me { id } } " + " ".join(f"fragment F{n} on User {{ id }}" for n in range(200)),
    "spreads": "{ me {" + "...F " * 600 + "} } fragment F on User { id }",
    "inline fragments": "{ me {" + "... { id } " * 350 + "} }",
    "variables": "query(" + " ".join(f"$v{n}: ID" for n in range(400)) + ") { me { id } }",
    "root fields": "{" + " ".join(f"a{n}: __typename" for n in range(60)) + "}",
    "comments": "{ me { id } }" + "#x\n" * 15_000,
    "one long comment": "{ me { id } } #" + "x" * 49_000,
    "blanks": "{ me { id } }" + " " * 49_000,
    "commas": "{ me { id } }" + "," * 49_000,
    "byte order marks": "\ufeff" * 49_000 + "{ me { id } }",
    "line feeds": "{ me {" + "\n" * 49_000 + "id } }",
    # Values.
    "deep lists": "{ me(x: " + "[" * 900 + "]" * 900 + ") { id } }",
    "deep objects": "{ me(x: " + "{a: " * 40 + "1" + "}" * 40 + ") { id } }",
    "deep lists in a default": "query($x: ID = " + "[" * 45 + "]" * 45 + ") { me { id } }",
    "deep types of variables": "query($x: " + "[" * 45 + "ID" + "]" * 45 + ") { me { id } }",
    "a wide list": "{ me(x: [" + "1 " * 3_000 + "]) { id } }",
    "a long number": "{ rooms(first: " + "9" * 20_000 + ") { totalCount } }",
    "a long string": '{ user(id: "' + "x" * 45_000 + '") { id } }',
    "a long block string": '{ user(id: """' + "x" * 45_000 + '""") { id } }',
    "a block string of quotes": '{ user(id: """' + '"" ' * 15_000 + '""") { id } }',
    "a string without an end": '{ user(id: "' + "\\n" * 20_000,
    "a block string without an end": '{ user(id: """' + '\\"' * 20_000,
    "a long name": "{ " + "a" * 40_000 + " }",
    "a long name of a type": "{ me { ... on " + "A" * 40_000 + " { id } } }",
    # What no document may have.
    "characters of other scripts": "{ " + "ä " * 20_000 + "}",
    "control characters": "{ me { id } }" + "\x00" * 20_000,
    "a schema": "type Query { a: Int } " * 100,
    "brackets that do not match": "{ me { id ) }" + " id" * 10_000,
    # Introspection in a circle; a field that does not exist.
    "circular introspection": "{ __schema { types {"
    + " fields { type {" * 12
    + " name"
    + " } }" * 12
    + " } } }",
    "field suggestions": "{ me { usernam } }",
}
LET_THROUGH_TO_VALIDATION = {"field suggestions"}


def refusal(text: str) -> list[dict]:
    """The wire errors."""
    with pytest.raises(InvalidDocument) as refused:
        parse_and_validate(text)
    return refused.value.errors


def least_cpu_s(run: Callable[[], object]) -> float:
    took = []
    for _ in range(RUNS):
        begun = time.thread_time()
        run()
        took.append(time.thread_time() - begun)
    return min(took)


@pytest.fixture
def stages(monkeypatch) -> list[str]:
    """What a document reached."""
    reached: list[str] = []

    def seen(module, name: str) -> None:
        known = getattr(module, name)

        def record(*args, **options):
            reached.append(name)
            return known(*args, **options)

        monkeypatch.setattr(module, name, record)

    seen(documents, "parse")
    seen(documents, "validate")
    seen(execution, "execute_operation")
    return reached


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_in_10_ms_of_cpu_before_it_is_validated(stages, name):
    errors = refusal(ATTACKS[name])

    assert {error["extensions"]["code"] for error in errors} <= {
        "COST_LIMITED",
        "DEPTH_LIMITED",
        "BAD_USER_INPUT",
    }
    assert ("validate" in stages) == (name in LET_THROUGH_TO_VALIDATION)
    assert least_cpu_s(lambda: refusal(ATTACKS[name])) < MAX_CPU_S


@pytest.mark.parametrize("name", ATTACKS)
def test_a_refusal_repeats_no_more_than_a_name_of_the_document(name):
    assert all(len(error["message"]) < 300 for error in refusal(ATTACKS[name]))


# -------------------------------------------------------------------------------------- over the network


def variables(value: object) -> bytes:
    return orjson.dumps({"query": "query($x: ID!) { user(id: $x) { id } }", "variables": {"x": value}})


def nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{" + b" " * 1_100_000 + b"}", 413, "PAYLOAD_TOO_LARGE"),
        (
            b'{"query": "{ me { id } }", "variables": {"x": [' + b"[]," * 300_000 + b"1]}}",
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        (
            b'{"query": "{ me { id } }", "variables": {"x": [' + b"1," * 400_000 + b"1]}}",
            413,
            "PAYLOAD_TOO_LARGE",
        ),
        (b"[" * 900_000, 413, "PAYLOAD_TOO_LARGE"),
        (b"[" * 5_000, 400, "BAD_USER_INPUT"),
        (variables([1] * 20_000), 200, "COST_LIMITED"),
        (variables(nested(100)), 200, "DEPTH_LIMITED"),
        (orjson.dumps([{"query": "{ me { id } }"}] * 500), 400, "BAD_USER_INPUT"),
        (orjson.dumps({"query": ["{ me { id } }"] * 500}), 400, "BAD_USER_INPUT"),
    ],
)
async def test_a_body_of_too_much_is_refused(http, stages, body, status, code):
    response = await http.post("/graphql", content=body, headers={"content-type": "application/json"})

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (status, code)
    assert "execute_operation" not in stages


@pytest.mark.django_db(transaction=True)
async def test_what_an_attack_asks_for_does_not_run(http, stages):
    response = await http.post("/graphql", json={"query": ATTACKS["alias overloading"]})

    assert response.json()["errors"][0]["extensions"]["code"] == "COST_LIMITED"
    assert stages == []


@pytest.mark.django_db(transaction=True)
async def test_suggestions_do_not_leak_to_anybody(as_user, ada):
    for client in (as_user(None), as_user(ada)):
        [error] = (await client.run("{ me { usernam } }"))["errors"]
        assert error["message"] == "Cannot query field 'usernam' on type 'User'."


@pytest.mark.django_db(transaction=True)
async def test_pages_have_at_most_100(as_user, ada, general):
    for pages in ("rooms(first: 101)", "users(limit: 101)"):
        error = await as_user(ada).error(f"{{ {pages} {{ totalCount }} }}")
        assert error["code"] == "BAD_USER_INPUT"
        assert error["fields"] == {pages[6:11]: "must lie between 0 and 100"}
    last = "query($id: ID!) { room(id: $id) { messages(last: 101) { totalCount } } }"
    assert (await as_user(ada).error(last, id=general.pk))["fields"] == {"last": "must lie between 0 and 100"}
