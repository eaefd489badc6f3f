"""Queries, mutations, subscriptions and types ask selectors, actions and loaders: none speaks to the database."""

import ast
from pathlib import Path

import pytest

import gql

GQL = Path(gql.__file__).parent
RESOLVERS = [
    *sorted((GQL / "queries").glob("*.py")),
    *sorted((GQL / "mutations").glob("*.py")),
    *sorted((GQL / "types").glob("*.py")),
    GQL / "subscriptions" / "fields.py",
    GQL / "lists" / "merged_search.py",
]
# Names of a manager or query set, which no selector's result is asked for in these files.
OF_ROWS = {
    "objects", "_default_manager", "filter", "exclude", "annotate", "alias", "aggregate", "order_by", "raw",
    "select_related", "prefetch_related", "select_for_update", "values_list", "in_bulk", "get_or_create",
    "update_or_create", "bulk_create", "bulk_update", "refresh_from_db", "save", "cursor", "execute",
}  # fmt: skip


def spoken_to_the_database(source: str) -> list[str]:
    """Where a module reaches for rows itself: the attribute or the import, with its line."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in OF_ROWS:
            found.append(f"{node.lineno}: .{node.attr}")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("django.db"):
            found.append(f"{node.lineno}: {node.module}")
        elif isinstance(node, ast.Import) and any(name.name.startswith("django.db") for name in node.names):
            found.append(f"{node.lineno}: django.db")
    return found


@pytest.mark.parametrize("path", RESOLVERS, ids=lambda path: str(path.relative_to(GQL)))
def test_resolvers_ask_selectors_actions_and_loaders(path):
    assert spoken_to_the_database(path.read_text()) == []


def test_what_is_not_allowed_is_found():
    source = (
        "from django.db.models import Q\nRoom.objects.filter(pk=1)\nmessage.save()\nrooms = filter(None, [])"
    )
    assert sorted(spoken_to_the_database(source)) == [
        "1: django.db.models",
        "2: .filter",
        "2: .objects",
        "3: .save",
    ]
    assert len(RESOLVERS) > 15
