"""What a field's resolver needs: an attribute, all parents at once, or each parent on its own."""

from functools import partial
from operator import attrgetter
from typing import Any

from graphene.types.resolver import attr_resolver, dict_or_attr_resolver
from graphene_django import DjangoObjectType
from graphql import GraphQLField, default_field_resolver

from gql.compiled.plan import REQUIRED, CallBatch, CallEach, ReadAttribute, Resolver


def resolver_of(field: GraphQLField) -> Resolver:
    """How the values of a field are got."""
    resolve = field.resolve or default_field_resolver
    batch = getattr(resolve, "batch", None)
    if batch is not None:
        return CallBatch(batch)
    if resolve is DjangoObjectType.resolve_id and not field.args:
        return ReadAttribute("pk", REQUIRED, of_dicts=False)
    # Graphene's resolvers of fields that have none take and ignore arguments, but those may be invalid.
    if isinstance(resolve, partial) and len(resolve.args) == 2 and not resolve.keywords and not field.args:
        name, default = resolve.args
        if resolve.func in (attr_resolver, dict_or_attr_resolver):
            return ReadAttribute(name, default, of_dicts=resolve.func is dict_or_attr_resolver)
    return CallEach(resolve)


def read_attributes(how: ReadAttribute, parents: list[Any], kinds: set[type]) -> list[Any]:
    """The attribute of each parent, or the exception that reading it raised. `kinds` are the parents' classes."""
    if not how.of_dicts or not any(issubclass(kind, dict) for kind in kinds):
        try:
            return list(map(attrgetter(how.name), parents))
        except Exception:  # a property may raise anything: which parent's it was shows below
            pass
    elif kinds == {dict}:
        name, default = how.name, how.default
        return [parent.get(name, default) for parent in parents]
    return [_read_attribute(how, parent) for parent in parents]


def _read_attribute(how: ReadAttribute, parent: Any) -> Any:
    try:
        if how.of_dicts and isinstance(parent, dict):
            return parent.get(how.name, how.default)
        if how.default is REQUIRED:
            return getattr(parent, how.name)
        return getattr(parent, how.name, how.default)
    except Exception as error:  # the executor tells it as the error of this parent's field
        return error
