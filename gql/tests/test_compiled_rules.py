"""Each rule of the specification's execution chapter on a small schema, with graphql-core as the judge."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    get_introspection_query,
    parse,
)

from gql.batching import batched
from gql.compiled import OperationPlan, execute_plan
from gql.tests.oracle import BatchingContext, Outcome, forget_core, same, same_but_for_timing

forget_core = pytest.fixture(autouse=True, scope="module")(forget_core)
pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")

Colour = GraphQLEnumType("Colour", {"RED": "r", "GREEN": "g"})
Even = GraphQLScalarType("Even", serialize=lambda value: value if value % 2 == 0 else _fail("odd"))


def _fail(message: str) -> Any:
    raise ValueError(message)


def _schema(mutation: GraphQLObjectType | None = None, **fields: Any) -> GraphQLSchema:
    return GraphQLSchema(
        GraphQLObjectType("Query", fields or {"ok": GraphQLField(GraphQLString)}), mutation=mutation
    )


def _given(type_: Any, value: Any, asynchronous: bool = False) -> GraphQLField:
    """A field with a value; an exception is raised."""

    def resolve(_parent: Any, _info: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return value

    async def resolve_later(parent: Any, info: Any) -> Any:
        await asyncio.sleep(0)
        return resolve(parent, info)

    return GraphQLField(type_, resolve=resolve_later if asynchronous else resolve)


def _required(type_: Any) -> Any:
    return GraphQLNonNull(type_)


def _list(type_: Any) -> Any:
    return GraphQLList(type_)


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (GraphQLString, "text"),
        (GraphQLString, 7),
        (GraphQLString, {"no": "text"}),
        (GraphQLString, None),
        (GraphQLString, ValueError("no text")),
        (_required(GraphQLString), None),
        (_required(GraphQLString), ValueError("no text")),
        (GraphQLInt, 2**31 - 1),
        (GraphQLInt, 2**31),
        (GraphQLInt, True),
        (GraphQLInt, 2.5),
        (GraphQLBoolean, 1),
        (GraphQLID, 12),
        (GraphQLID, True),
        (Colour, "r"),
        (Colour, "x"),
        (Colour, ["not", "hashable"]),
        (_required(Colour), "x"),
        (Even, 2),
        (Even, 3),
        (GraphQLString, GraphQLError("told as it is", extensions={"code": "X"})),
        (_list(GraphQLInt), [1, None, 3]),
        (_list(GraphQLInt), (1, "x", ValueError("an item"))),
        (_list(_required(GraphQLInt)), [1, None, 3]),
        (_required(_list(_required(GraphQLInt))), [1, None, 3]),
        (_list(GraphQLInt), "text is no list"),
        (_list(GraphQLInt), {"nor": "a dictionary"}),
        (_list(GraphQLInt), 5),
        (_list(GraphQLInt), {1}),
        (_list(GraphQLInt), []),
        (_list(_list(GraphQLInt)), [[1], [], None, [None, 2]]),
        (_list(_required(_list(GraphQLInt))), [[1], None]),
        (_list(_required(_list(_required(GraphQLInt)))), [[1], [2, None]]),
        (_list(_list(_required(GraphQLInt))), [[1], [2, None], 3]),
        (_list(_list(_required(Colour))), [["r"], ["x", "y"], ["g"]]),
    ],
)
async def test_values_are_completed_as_their_type_says(type_, value, asynchronous):
    schema = _schema(before=_given(GraphQLInt, 1), it=_given(type_, value, asynchronous))

    await same(schema, "{ before it again: it }")


async def test_lists_may_hold_awaitables_and_be_iterators_or_asynchronous():
    async def late(value: Any) -> Any:
        await asyncio.sleep(0)
        if isinstance(value, Exception):
            raise value
        return value

    def items(_parent: Any, _info: Any) -> Any:
        return [1, late(2), late(None), late(ValueError("late"))]

    def generate(_parent: Any, _info: Any) -> Any:
        yield from (1, 2)

    def break_off(_parent: Any, _info: Any) -> Any:
        yield 1
        raise ValueError("broken off")

    async def stream(_parent: Any, _info: Any) -> Any:
        yield 1
        yield None

    schema = _schema(
        items=GraphQLField(_list(GraphQLInt), resolve=items),
        required=GraphQLField(_list(_required(GraphQLInt)), resolve=lambda *_: [late(1), late(None)]),
        generated=GraphQLField(_list(GraphQLInt), resolve=generate),
        broken=GraphQLField(_list(GraphQLInt), resolve=break_off),
        streamed=GraphQLField(_list(GraphQLInt), resolve=stream),
    )

    got = await same(schema, "{ items required generated broken streamed }")

    assert got.data == (
        b'{"items":[1,2,null,null],"required":null,"generated":[1,2],"broken":null,"streamed":[1,null]}'
    )


def _tree(**leaves: Any) -> GraphQLSchema:
    """Query.node -> Node, with `leaves` as fields, nullable and required children and lists of them."""

    def child(*_: Any) -> Any:
        return SimpleNamespace()

    def children(*_: Any) -> Any:
        return [SimpleNamespace(), SimpleNamespace()]

    node: GraphQLObjectType = GraphQLObjectType(
        "Node",
        lambda: {
            **leaves,
            "child": GraphQLField(node, resolve=child),
            "must": GraphQLField(_required(node), resolve=child),
            "list": GraphQLField(_list(node), resolve=children),
            "strict": GraphQLField(_list(_required(node)), resolve=children),
            "strictest": GraphQLField(_required(_list(_required(node))), resolve=children),
        },
    )
    return _schema(node=GraphQLField(node, resolve=child), must=GraphQLField(_required(node), resolve=child))


FAILING = {
    "ok": _given(GraphQLInt, 1),
    "fails": _given(GraphQLInt, ValueError("fails")),
    "breaks": _given(_required(GraphQLInt), ValueError("breaks")),
    "empty": _given(_required(GraphQLInt), None),
}


@pytest.mark.parametrize(
    "query",
    [
        "{ node { ok fails } }",
        "{ node { ok breaks } }",
        "{ node { fails breaks ok } }",
        "{ node { breaks fails ok } }",
        "{ node { ok child { breaks } ok2: ok } }",
        "{ node { ok must { breaks } } must { ok } }",
        "{ must { must { empty } } node { ok } }",
        "{ node { list { ok fails } } }",
        "{ node { list { breaks } } }",
        "{ node { strict { breaks } } }",
        "{ node { strict { empty ok } ok } }",
        "{ node { ok strictest { must { breaks } } child { ok } } }",
        "{ node { must { must { breaks } } breaks } }",
        "{ node { breaks must { breaks } } }",
        "{ node { list { strict { list { breaks } } } } }",
        "{ node { list { strict { fails must { empty } } } } }",
        "{ node { child { fails } breaks } other: node { child { fails } } }",
    ],
)
async def test_a_null_goes_up_to_the_nearest_place_that_may_be_null(query):
    await same(_tree(**FAILING), query)


async def test_a_null_at_the_root_is_the_whole_data():
    got = await same(_tree(**FAILING), "{ node { ok } must { breaks } }")

    assert got.data == b"null"
    assert [path for _, path, _ in got.errors] == [("must", "breaks")]


async def test_errors_keep_what_they_are_made_of():
    cause = ValueError("cause")
    schema = _schema(it=_given(GraphQLInt, cause))
    document = parse("{ it }")

    result = await execute_plan(OperationPlan(schema, document, document.definitions[0]))

    assert result.errors[0].original_error is cause
    assert result.errors[0].nodes == [document.definitions[0].selection_set.selections[0]]


async def test_fields_of_one_key_are_merged():
    schema = _tree(ok=_given(GraphQLInt, 1), other=_given(GraphQLInt, 2))

    got = await same(
        schema,
        """{ node { ok ...F child { ok } } ... { node { child { other } } } }
           fragment F on Node { other child { again: ok ...G } }
           fragment G on Node { child { ok } __typename }""",
    )

    child = b'{"again":1,"child":{"ok":1},"__typename":"Node","ok":1,"other":2}'
    assert got.data == b'{"node":{"ok":1,"other":2,"child":' + child + b"}}"


DIRECTIVES = """
query ($yes: Boolean = true, $no: Boolean! = false, $given: Boolean) {
  a: ok @skip(if: $yes)
  b: ok @include(if: $yes)
  c: ok @skip(if: $no) @include(if: true)
  d: ok @include(if: false)
  ok @skip(if: $no)
  ... @include(if: $yes) { e: ok __typename }
  ...F @skip(if: $no)
  ... on Query @include(if: $no) { f: ok }
  ok
}
fragment F on Query { g: ok ok }
"""


@pytest.mark.parametrize(
    "variables", [{}, {"yes": False}, {"no": True}, {"yes": False, "no": True}, {"given": True}]
)
async def test_directives_decide_by_the_variables(variables):
    query = DIRECTIVES.replace(", $given: Boolean", "")

    await same(_schema(ok=_given(GraphQLInt, 1)), query, variables=variables)


async def test_one_plan_serves_all_variables_and_keeps_few_variants():
    schema = _schema(ok=_given(GraphQLInt, 1))
    names = [f"v{number}" for number in range(6)]
    declared = " ".join(f"${name}: Boolean!" for name in names)
    query = (
        f"query ({declared}) {{ ok " + " ".join(f"{name}: ok @include(if: ${name})" for name in names) + "}"
    )
    document = parse(query)
    plan = OperationPlan(schema, document, document.definitions[0])

    for number in range(64):
        variables = {name: bool(number & 1 << bit) for bit, name in enumerate(names)}
        result = await execute_plan(plan, variables=variables)
        assert list(result.data) == ["ok", *(name for name in names if variables[name])]

    assert len(plan._variants) == 16


async def test_a_directive_that_is_told_null_is_the_error_of_its_place():
    schema = _tree(ok=_given(GraphQLInt, 1))

    await same(
        schema,
        "query ($v: Boolean = true) { node { ok } ok: must { ok @skip(if: $v) } }",
        variables={"v": None},
    )
    await same(
        schema, "query ($v: Boolean = true) { node { ok } must @skip(if: $v) { ok } }", variables={"v": None}
    )


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"n": 3},
        {"n": None},
        {"n": "x"},
        {"n": 2**40},
        {"list": [1, "x"]},
        {"input": {"even": 3, "x": 1}},
        {"input": {}},
        {"colour": "RED"},
        {"colour": "r"},
    ],
)
async def test_arguments_and_variables_are_coerced(variables):
    def parse_even(value: Any) -> Any:
        return value if value % 2 == 0 else _fail("odd")

    even = GraphQLScalarType("InEven", parse_value=parse_even)
    box = GraphQLInputObjectType(
        "Box",
        {
            "even": GraphQLInputField(even, out_name="even_number"),
            "colour": GraphQLInputField(Colour, default_value="g"),
            "needed": GraphQLInputField(_required(GraphQLInt), default_value=4),
        },
    )
    arguments = {
        "n": GraphQLArgument(GraphQLInt, default_value=5, out_name="number"),
        "list": GraphQLArgument(_list(GraphQLInt)),
        "input": GraphQLArgument(box, default_value={}),
        "colour": GraphQLArgument(Colour),
        "must": GraphQLArgument(_required(GraphQLInt), default_value=1),
    }
    schema = _schema(
        echo=GraphQLField(GraphQLString, args=arguments, resolve=lambda _p, _i, **given: repr(given))
    )

    await same(
        schema,
        """query ($n: Int, $list: [Int], $input: Box, $colour: Colour, $must: Int = 2) {
          echo(n: $n, list: $list, input: $input, colour: $colour, must: $must)
          constant: echo(n: 1, colour: GREEN)
          some: echo(list: [1, $n], input: {even: 2, colour: $colour})
          bare: echo
        }""",
        variables=variables,
    )


async def test_an_argument_that_may_not_be_null_is_the_error_of_its_field():
    field = GraphQLField(
        GraphQLString,
        args={"n": GraphQLArgument(_required(GraphQLInt), default_value=1)},
        resolve=lambda *_, n: str(n),
    )
    schema = _schema(it=field, ok=_given(GraphQLInt, 1))

    await same(schema, "query ($n: Int = 3) { it(n: $n) ok }", variables={"n": None})


async def test_a_resolver_cannot_change_what_the_next_run_gets():
    def take(_parent: Any, _info: Any, numbers: list[int]) -> int:
        return numbers.pop()

    schema = _schema(
        take=GraphQLField(GraphQLInt, args={"numbers": GraphQLArgument(_list(GraphQLInt))}, resolve=take)
    )
    document = parse("{ take(numbers: [1, 2]) }")
    plan = OperationPlan(schema, document, document.definitions[0])

    results = [(await execute_plan(plan)).data for _ in range(2)]

    assert results == [{"take": 2}, {"take": 2}]


class Cat:
    name = "Tom"


class Dog:
    name = "Rex"


class Fish:
    name = "Wanda"


def _pets(pets: list[Any], asynchronous: bool = False, resolve_type: Any = None) -> GraphQLSchema:
    def is_a(class_: type) -> Any:
        def check(value: Any, _info: Any) -> Any:
            if getattr(value, "name", "") == "bad":
                raise ValueError("a bad pet")
            return isinstance(value, class_)

        async def check_later(value: Any, info: Any) -> Any:
            await asyncio.sleep(0)
            return check(value, info)

        return check_later if asynchronous else check

    named = GraphQLInterfaceType(
        "Named",
        {"name": GraphQLField(GraphQLString), "ok": GraphQLField(GraphQLInt)},
        resolve_type=resolve_type,
    )
    ok = {"name": GraphQLField(GraphQLString), "ok": _given(_required(GraphQLInt), 1)}
    cat = GraphQLObjectType("Cat", {**ok, "lives": _given(GraphQLInt, 9)}, [named], is_a(Cat))
    dog = GraphQLObjectType("Dog", {**ok, "breaks": FAILING["breaks"]}, [named], is_a(Dog))
    pet = GraphQLUnionType("Pet", [cat, dog], resolve_type=resolve_type)
    fields = {
        "pets": _given(_list(pet), pets),
        "strict": _given(_list(_required(pet)), pets),
        "named": _given(_list(named), pets),
        "first": _given(pet, pets[0]),
        "cats": _given(_list(cat), pets),
    }
    return GraphQLSchema(GraphQLObjectType("Query", fields), types=[cat, dog])


class Bad:
    name = "bad"


ABSTRACT = """{
  pets { __typename ... on Cat { lives } ... on Dog { name } ...N }
  named { name ok kind: __typename ... on Dog { breaks } }
  first { ...N }
  strict { ... on Dog { breaks } }
  cats { lives }
}
fragment N on Named { name }"""


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    "pets",
    [
        [Cat(), Dog(), Cat(), None],
        [Cat(), Fish(), Dog()],
        [Bad(), Cat()],
        [{"__typename": "Dog", "name": "Rex"}, Cat()],
        [{"__typename": "Query"}, {"__typename": "Nobody"}, {"__typename": "Int"}],
        [ValueError("a pet"), Cat()],
    ],
)
async def test_abstract_types_find_the_type_of_each_value(pets, asynchronous):
    await (same_but_for_timing if asynchronous else same)(_pets(pets, asynchronous), ABSTRACT)


@pytest.mark.parametrize("told", ["Cat", "Nobody", 7, None, ValueError("cannot tell")])
@pytest.mark.parametrize("asynchronous", [False, True])
async def test_resolve_type_tells_the_type_and_may_fail(told, asynchronous):
    def resolve_type(*_: Any) -> Any:
        return _raise(told) if isinstance(told, Exception) else told

    async def resolve_later(*_: Any) -> Any:
        return resolve_type()

    schema = _pets([Cat(), Dog()], resolve_type=resolve_later if asynchronous else resolve_type)

    await (same_but_for_timing if asynchronous else same)(schema, ABSTRACT)


def _raise(error: Exception) -> Any:
    raise error


async def test_default_resolvers_read_attributes_and_entries_and_call_what_they_find():
    def greet(_info: Any, name: str) -> str:
        return f"Hello {name}"

    row = GraphQLObjectType(
        "Row",
        {
            "a": GraphQLField(GraphQLString),
            "greet": GraphQLField(GraphQLString, args={"name": GraphQLArgument(GraphQLString)}),
        },
    )
    rows = [{"a": "1", "greet": greet}, SimpleNamespace(a="2", greet=greet), SimpleNamespace(), {"a": greet}]
    schema = _schema(rows=_given(_list(row), rows))

    await same(schema, '{ rows { a greet(name: "Ada") } }')


async def test_info_has_what_graphql_core_gives():
    def tell(_parent: Any, info: Any, **_: Any) -> str:
        return repr(
            (
                info.field_name,
                [node.alias and node.alias.value for node in info.field_nodes],
                str(info.return_type),
                info.parent_type.name,
                info.path.as_list(),
                [info.path.typename, info.path.prev and info.path.prev.typename],
                info.schema is schema,
                sorted(info.fragments),
                info.root_value,
                info.operation.name.value,
                info.variable_values,
                type(info.context).__name__,
                info.is_awaitable(asyncio.sleep(0).close()),
            )
        )

    schema = _tree(tell=GraphQLField(_list(GraphQLString), resolve=lambda *given: [tell(*given)]))

    await same(
        schema,
        """query Q($v: Boolean! = true) { node { tell list { ...F strict { x: tell @include(if: $v) } } } }
           fragment F on Node { tell child { tell } }""",
        root="the root",
    )


def _counting_mutation(log: list[str]) -> GraphQLObjectType:
    def step(name: str, error: Exception | None = None, sleeps: int = 0) -> Any:
        async def resolve(_parent: Any, _info: Any) -> Any:
            log.append(f"{name} begins")
            for _ in range(sleeps):
                await asyncio.sleep(0)
            log.append(f"{name} ends")
            if error is not None:
                raise error
            return SimpleNamespace()

        return resolve

    async def after(_parent: Any, _info: Any) -> int:
        log.append("child")
        return 1

    done = GraphQLObjectType("Done", {"child": GraphQLField(GraphQLInt, resolve=after)})
    return GraphQLObjectType(
        "Mutation",
        {
            "slow": GraphQLField(done, resolve=step("slow", sleeps=3)),
            "quick": GraphQLField(_required(done), resolve=step("quick")),
            "fails": GraphQLField(done, resolve=step("fails", ValueError("fails"))),
            "breaks": GraphQLField(_required(done), resolve=step("breaks", ValueError("breaks"))),
        },
    )


async def test_root_fields_of_a_mutation_run_one_after_the_other_with_all_that_hangs_on_them():
    log: list[str] = []
    schema = _schema(_counting_mutation(log))

    await same(schema, "mutation { slow { child } fails { child } quick { child } }")

    once = [
        "slow begins",
        "slow ends",
        "child",
        "fails begins",
        "fails ends",
        "quick begins",
        "quick ends",
        "child",
    ]
    assert log == once * 2


async def test_a_mutation_ends_with_the_error_that_makes_everything_null():
    log: list[str] = []
    schema = _schema(_counting_mutation(log))

    got = await same(schema, "mutation { quick { child } breaks { child } slow { child } }")

    assert got.data == b"null"
    assert log.count("slow begins") == 0


async def test_a_subscription_event_is_the_root_of_a_run():
    subscription = GraphQLObjectType(
        "Subscription", {"tick": GraphQLField(GraphQLInt, resolve=lambda event, _info: event)}
    )
    schema = GraphQLSchema(
        GraphQLObjectType("Query", {"ok": GraphQLField(GraphQLInt)}), subscription=subscription
    )

    got = await same(schema, "subscription { now: tick }", root=5)

    assert got.data == b'{"now":5}'


async def test_introspection_is_that_of_graphql_core():
    schema = _pets([Cat()])

    await same(schema, get_introspection_query(input_value_deprecation=True, schema_description=True))
    await same(
        schema, '{ __type(name: "Cat") { name fields { name type { kind ofType { name } } } } n: __typename }'
    )
    await same(schema, '{ __type(name: "Nobody") { name } __schema { types { kind } } }')


async def test_an_operation_is_chosen_by_its_name():
    schema = _schema(a=_given(GraphQLInt, 1), b=_given(GraphQLInt, 2))

    got = await same(schema, "query A { a } query B { b }", operation_name="B")

    assert got.data == b'{"b":2}'


def _batching(function: Any) -> GraphQLSchema:
    return _tree(
        ok=_given(GraphQLInt, 1),
        loaded=GraphQLField(GraphQLInt, args={"n": GraphQLArgument(GraphQLInt)}, resolve=batched(function)),
        needed=GraphQLField(_required(GraphQLInt), resolve=batched(function)),
    )


async def test_a_batched_resolver_is_called_once_for_all_parents_of_a_level():
    calls: list[int] = []

    async def load(parents: list[Any], info: Any, n: int = 0) -> list[int]:
        calls.append(len(parents))
        await asyncio.sleep(0)
        return list(range(len(parents)))

    got = await same(
        _batching(load), "{ node { list { strict { list { loaded(n: 1) a: loaded(n: 2) } } } } }"
    )

    assert calls == [8] * 4
    assert b'"loaded":7,"a":7' in got.data


async def test_a_batched_resolver_that_several_fields_ask_alike_is_called_once():
    calls: list[int] = []

    def load(parents: list[Any], info: Any, n: int = 0) -> list[int]:
        calls.append(len(parents))
        return [n] * len(parents)

    await same(
        _batching(load), "{ node { list { loaded(n: 1) } strict { x: loaded(n: 1) other: loaded(n: 2) } } }"
    )

    assert sorted(calls) == [2, 2, 4, 4]


@pytest.mark.parametrize("field", ["loaded", "needed"])
@pytest.mark.parametrize(
    "give",
    [
        lambda parents: [1, None, ValueError("one"), "x"][: len(parents)],
        lambda parents: _fail("all"),
        lambda parents: [GraphQLError("told")] * len(parents),
        lambda parents: tuple(range(len(parents))),
    ],
)
async def test_a_batched_resolver_fails_for_one_parent_or_for_all(give, field):
    async def load(parents: list[Any], info: Any) -> Any:
        return give(parents)

    await same(_batching(load), "{ node { list { list { ok FIELD } } } }".replace("FIELD", field))


async def test_a_batched_resolver_must_give_one_value_for_each_parent():
    def load(parents: list[Any], info: Any) -> list[int]:
        return [1]

    schema = _batching(load)
    document = parse("{ node { list { loaded } } }")

    result = await execute_plan(
        OperationPlan(schema, document, document.definitions[0]), context=BatchingContext()
    )

    assert result.data == {"node": {"list": [{"loaded": None}, {"loaded": None}]}}
    assert "must give a list of 2 values" in result.errors[0].message


async def test_a_cancelled_operation_cancels_what_it_waits_for():
    cancelled: list[str] = []

    async def wait(_parent: Any, _info: Any) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append("resolver")
            raise

    schema = _schema(wait=GraphQLField(GraphQLInt, resolve=wait))
    document = parse("{ wait other: wait }")
    plan = OperationPlan(schema, document, document.definitions[0])

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await execute_plan(plan)

    assert cancelled == ["resolver", "resolver"]


async def test_outcomes_tell_the_order_of_keys_apart():
    assert Outcome(b'{"a":1,"b":2}', ()) != Outcome(b'{"b":2,"a":1}', ())
