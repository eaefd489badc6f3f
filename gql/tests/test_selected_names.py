"""The names of what is selected below a field."""

from typing import Any

from graphql import GraphQLField, GraphQLInt, execute, parse
from graphql.language import FieldNode

from gql.compiled import OperationPlan, execute_plan
from gql.selected_names import names_below, selected_names
from gql.tests.small_schemas import tree

DOCUMENT = """
query ($no: Boolean = false) {
    seen: ok children { id ... on Node { again: children { ...Deep } } ...Deep }
    children { other @include(if: $no) }
}
fragment Deep on Node { a { ...Deeper } } fragment Deeper on Node { b { __typename } }
"""


def test_names_are_those_of_all_levels_through_fragments_and_whatever_directives_say():
    operation, *fragments = parse(DOCUMENT).definitions
    fields = [node for node in operation.selection_set.selections if node.name.value == "children"]

    names = selected_names(fields, {fragment.name.value: fragment for fragment in fragments})

    assert names == {"id", "children", "a", "b", "__typename", "other"}


def test_a_leaf_has_none_below():
    [operation] = parse("{ ok }").definitions
    leaf = operation.selection_set.selections[0]
    assert isinstance(leaf, FieldNode)
    assert selected_names([leaf], {}) == frozenset()


async def test_a_resolver_learns_them_from_either_executor():
    learnt: list[frozenset[str]] = []

    def learn(_parent: Any, info: Any) -> int:
        learnt.append(names_below(info))
        return 1

    schema = tree(ok=GraphQLField(GraphQLInt, resolve=learn))
    node = schema.query_type.fields["node"]
    resolve = node.resolve
    node.resolve = lambda parent, info: learn(parent, info) and resolve(parent, info)
    document = parse("{ node { list { ok } ...More } } fragment More on Node { must { ok } }")
    plan = OperationPlan(schema, document, document.definitions[0])

    execute(schema, document)
    by_core, learnt[:] = learnt[:], []
    await execute_plan(plan)
    await execute_plan(plan)

    assert by_core[0] == {"list", "ok", "must"}
    assert set(by_core[1:]) == {frozenset()}
    assert sorted(learnt, key=len) == sorted(by_core * 2, key=len)
