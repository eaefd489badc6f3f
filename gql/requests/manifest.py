"""Trusted documents: a file that names every document a locked-down installation runs.

Two forms: Apollo's persisted-query manifest, and a plain map of name to document, as Relay's compiler writes it.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

APOLLO_FORMAT = "apollo-persisted-query-manifest"
SHA256_PREFIX = "sha256:"


class TrustedDocuments:
    """Documents by the names that clients have for them."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = {name.removeprefix(SHA256_PREFIX): text for name, text in texts.items()}
        self._known = frozenset(texts.values())

    def __len__(self) -> int:
        return len(self._texts)

    def find(self, name: str) -> str | None:
        """The document of this name, with `sha256:` before it or not; None if it is not trusted."""
        return self._texts.get(name.removeprefix(SHA256_PREFIX))

    def has_text(self, text: str) -> bool:
        """Whether a document that was sent is, to the letter, a trusted one."""
        return text in self._known


def trusted_documents() -> TrustedDocuments | None:
    """Those of settings.GRAPHQL_TRUSTED_DOCUMENTS; None where any valid document may run.

    Raises:
        ImproperlyConfigured: the file cannot be used. It is read at the start, and then no more.
    """
    path: Path | None = settings.GRAPHQL_TRUSTED_DOCUMENTS
    return None if path is None else _load(path)


@lru_cache(maxsize=8)
def _load(path: Path) -> TrustedDocuments:
    try:
        return TrustedDocuments(read_manifest(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise ImproperlyConfigured(f"GRAPHQL_TRUSTED_DOCUMENTS: {path} cannot be used: {error}") from None


def read_manifest(content: bytes) -> dict[str, str]:
    """Name and text of each document of a manifest.

    Raises:
        ValueError: it is no manifest, or names a document twice.
    """
    try:
        raw = json.loads(content)
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise ValueError("it is not JSON") from None
    if not isinstance(raw, dict):
        raise ValueError("it must be a JSON object")
    texts = _of_operations(raw.get("operations")) if raw.get("format") == APOLLO_FORMAT else raw
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts.values()):
        raise ValueError("each name must have a document")
    return texts


def _of_operations(operations: Any) -> dict[str, str]:
    if not isinstance(operations, list):
        raise ValueError("its operations must be a list")
    texts: dict[str, str] = {}
    for operation in operations:
        if not isinstance(operation, dict) or not isinstance(operation.get("id"), str):
            raise ValueError("each operation must have an id and a body")
        if operation["id"] in texts:
            raise ValueError(f"it names {operation['id']!r} twice")
        texts[operation["id"]] = operation.get("body", "")
    return texts
