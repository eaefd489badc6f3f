"""Documents that clients name instead of sending them.

Automatic persisted queries (Apollo's protocol): a client sends a document once together with its SHA-256 in
`extensions.persistedQuery`, and from then on the hash alone. `documentId` of the GraphQL-over-HTTP specification's
appendix on persisted documents means the same, as `sha256:` and the hash. With trusted documents
(`gql.requests.manifest`) nothing but those runs, by whatever name the manifest has for them.
"""

import re
from typing import Any

from graphql import GraphQLError

from chat.errors import BadInput, DomainError, bad_input
from gql.context import Context
from gql.requests.document_store import digest_of, document_store
from gql.requests.documents import InvalidDocument
from gql.requests.manifest import SHA256_PREFIX, TrustedDocuments, trusted_documents
from gql.requests.operations import Operation, parse_params, prepare

_SHA256 = re.compile(r"[0-9a-f]{64}")


class PersistedQueryNotFound(DomainError):
    """The document of this name is not known. Clients of automatic persisted queries then send it."""

    code = "PERSISTED_QUERY_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotFound")  # some clients look at the message


class DocumentNotTrusted(DomainError):
    """Only documents of the manifest run here, and this is none of them."""

    code = "DOCUMENT_NOT_TRUSTED"

    def __init__(self) -> None:
        super().__init__("This server runs only the documents it was given in advance.")


async def request_operation(raw: object, context: Context) -> Operation:
    """The operation that a request asks for, whose document may be sent, or named, or both.

    Raises:
        BadInput: the request has not the shape of one.
        InvalidDocument: also for a name that is not known, or not the document's, and for one that is not trusted.
    """
    name = _document_name(raw)
    trusted = trusted_documents()
    if trusted is not None and isinstance(raw, dict):
        return await prepare(
            parse_params({**raw, "query": _trusted_text(trusted, name, raw.get("query"))}), context
        )
    if name is None:
        return await prepare(parse_params(raw), context)
    assert isinstance(raw, dict)
    return await _by_digest(raw, name.removeprefix(SHA256_PREFIX), context)


async def _by_digest(raw: dict[str, Any], digest: str, context: Context) -> Operation:
    if raw.get("query") is None:
        text = await document_store().find(digest) if _SHA256.fullmatch(digest) else None
        if text is None:
            raise _refusal(PersistedQueryNotFound())
        return await prepare(parse_params({**raw, "query": text}), context)
    params = parse_params(raw)
    if digest_of(params.query) != digest:
        raise _refusal(BadInput("The hash is not that of the document: it must be the SHA-256 of its text."))
    operation = await prepare(params, context)  # only what could run is kept
    if context.caller is not None:
        await document_store().keep(digest, params.query, user_id=context.caller.user.pk)
    return operation


def _document_name(raw: object) -> str | None:
    """What the request calls its document, None if it sends it without a name."""
    if not isinstance(raw, dict):
        return None
    name, extensions = raw.get("documentId"), raw.get("extensions")
    if name is not None and not isinstance(name, str):
        raise bad_input("documentId", "must be a string")
    if not isinstance(extensions, dict) or extensions.get("persistedQuery") is None:
        return name
    persisted = extensions["persistedQuery"]
    if not isinstance(persisted, dict) or not isinstance(persisted.get("sha256Hash"), str):
        raise bad_input("extensions", "persistedQuery must have a sha256Hash")
    if persisted.get("version") != 1:
        raise bad_input("extensions", "persistedQuery must have version 1")
    digest: str = persisted["sha256Hash"]
    if name is not None and name.removeprefix(SHA256_PREFIX) != digest:
        raise bad_input("documentId", "must name the same document as persistedQuery")
    return digest


def _trusted_text(trusted: TrustedDocuments, name: str | None, query: object) -> object:
    """The document to run: the one that was named, or the one that was sent if it is a trusted one.

    What is neither named nor sent as text is given back as it is, to be refused for its shape.
    """
    if query is not None and not isinstance(query, str):
        return query
    found = None if name is None else trusted.find(name)
    if query is None:
        if name is not None and found is None:
            raise _refusal(PersistedQueryNotFound())
        return found
    if (name is not None and found != query) or not trusted.has_text(query):
        raise _refusal(DocumentNotTrusted())
    return query


def _refusal(problem: DomainError) -> InvalidDocument:
    return InvalidDocument([GraphQLError(problem.message, original_error=problem)])
