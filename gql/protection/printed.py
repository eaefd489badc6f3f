"""The schema's text with what its fields cost: graphql-core prints no directives of definitions."""

from typing import Any

from graphql import (
    ConstArgumentNode,
    ConstDirectiveNode,
    FieldDefinitionNode,
    GraphQLSchema,
    NameNode,
    ObjectTypeDefinitionNode,
    Visitor,
    lexicographic_sort_schema,
    parse,
    parse_const_value,
    print_ast,
    print_schema,
    visit,
)

from gql.protection.declared import ListSize, cost_of, object_cost


class _Annotator(Visitor):
    def __init__(self, schema: GraphQLSchema) -> None:
        super().__init__()
        self._schema = schema

    def leave_object_type_definition(self, node: ObjectTypeDefinitionNode, *_: Any) -> None:
        kind: Any = self._schema.type_map[node.name.value]
        for field in node.fields:
            field.directives = tuple(_directives_of_field(kind.fields[field.name.value], field))
        if object_cost(kind) != 1:
            node.directives = (_directive("cost", weight=f'"{object_cost(kind)}"'),)


def _directives_of_field(field: Any, node: FieldDefinitionNode) -> list[ConstDirectiveNode]:
    cost = cost_of(field)
    directives = list(node.directives)
    if cost.complexity:
        directives.append(_directive("cost", weight=f'"{cost.complexity}"'))
    if cost.size is not None:
        directives.append(_list_size(cost.size))
    return directives


def _list_size(size: ListSize) -> ConstDirectiveNode:
    values = {"assumedSize": str(size.assumed)}
    if size.arguments:
        values["slicingArguments"] = "[" + ", ".join(f'"{name}"' for name in size.arguments) + "]"
    if size.sized:
        values["sizedFields"] = f'["{size.sized}"]'
    if size.arguments:
        values["requireOneSlicingArgument"] = "false"
    return _directive("listSize", **values)


def _directive(name: str, **values: str) -> ConstDirectiveNode:
    return ConstDirectiveNode(
        name=NameNode(value=name),
        arguments=tuple(
            ConstArgumentNode(name=NameNode(value=argument), value=parse_const_value(text))
            for argument, text in values.items()
        ),
    )


def print_with_costs(schema: GraphQLSchema) -> str:
    """The schema in the definition language, in a stable order, with `@cost` and `@listSize`."""
    document = parse(print_schema(lexicographic_sort_schema(schema)))
    visit(document, _Annotator(schema))
    return print_ast(document)
