"""A locked-down installation: only the documents of a manifest run, on every transport."""

import json
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from gql.requests.document_store import digest_of
from gql.requests.manifest import read_manifest, trusted_documents

pytestmark = pytest.mark.django_db(transaction=True)

ME = "query Me { me { username } }"
ADDED = "subscription Added($room: ID!, $since: Int) { messageAdded(roomId: $room, since: $since) { text } }"
OTHER = "query Other { me { id } }"
APOLLO = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [
        {"id": digest_of(ME), "name": "Me", "type": "query", "body": ME},
        {"id": digest_of(ADDED), "name": "Added", "type": "subscription", "body": ADDED},
    ],
}
RELAY = {"f52a2b1c": ME, "9c1d": ADDED}


@pytest.fixture
def trust(settings, tmp_path):
    """A function that locks the installation down to a manifest."""

    def trust_these(manifest: object) -> None:
        settings.GRAPHQL_TRUSTED_DOCUMENTS = tmp_path / "trusted.json"
        settings.GRAPHQL_TRUSTED_DOCUMENTS.write_text(json.dumps(manifest))

    return trust_these


def named(name: str, **more) -> dict:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": name}}, **more}


@pytest.fixture
def ask(as_user, grace):
    """A function that asks as grace: `await ask(**body)`."""
    client = as_user(grace)

    async def ask_this(**body):
        await client.post(ME)  # signs in
        return (await client.http.post("/graphql", json=body, headers=client.headers)).json()

    return ask_this


def code_of(answer: dict) -> str:
    [error] = answer["errors"]
    assert "data" not in answer
    return error["extensions"]["code"]


@pytest.mark.parametrize(
    ("manifest", "body"),
    [
        (APOLLO, named(digest_of(ME))),
        (APOLLO, named(digest_of(ME), query=ME)),
        (APOLLO, {"documentId": f"sha256:{digest_of(ME)}"}),
        (APOLLO, {"documentId": digest_of(ME)}),
        (APOLLO, {"query": ME}),
        (RELAY, {"documentId": "f52a2b1c"}),
        (RELAY, named("f52a2b1c")),
        ({f"sha256:{digest_of(ME)}": ME}, named(digest_of(ME))),
    ],
)
async def test_a_trusted_document_runs_by_its_name_or_to_the_letter(trust, ask, manifest, body):
    trust(manifest)
    assert (await ask(**body))["data"] == {"me": {"username": "grace"}}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": OTHER}, "DOCUMENT_NOT_TRUSTED"),
        ({"query": f"{ME} "}, "DOCUMENT_NOT_TRUSTED"),
        ({"query": "{ __schema { types { name } } }"}, "DOCUMENT_NOT_TRUSTED"),
        (named(digest_of(OTHER), query=OTHER), "DOCUMENT_NOT_TRUSTED"),
        (named(digest_of(ME), query=OTHER), "DOCUMENT_NOT_TRUSTED"),
        (named(digest_of(OTHER), query=ME), "DOCUMENT_NOT_TRUSTED"),
        (named(digest_of(OTHER)), "PERSISTED_QUERY_NOT_FOUND"),
        ({"documentId": "nothing"}, "PERSISTED_QUERY_NOT_FOUND"),
        ({}, "BAD_USER_INPUT"),
        ({"query": 7}, "BAD_USER_INPUT"),
    ],
)
async def test_anything_else_is_refused_by_its_code(trust, ask, body, code):
    trust(APOLLO)
    assert code_of(await ask(**body)) == code


async def test_what_was_registered_before_does_not_run_either(trust, ask, settings):
    await ask(**named(digest_of(OTHER), query=OTHER))
    trust(APOLLO)
    assert code_of(await ask(**named(digest_of(OTHER)))) == "PERSISTED_QUERY_NOT_FOUND"


async def test_sockets_and_event_streams_are_locked_down_alike(trust, as_user, open_socket, grace, general):
    trust(APOLLO)
    socket = await open_socket(grace).start()
    await socket.send({"id": "1", "type": "subscribe", "payload": {"query": OTHER}})
    refused = await socket.receive()
    variables = {"room": str(general.pk), "since": 0}
    await socket.send(
        {"id": "2", "type": "subscribe", "payload": named(digest_of(ADDED), variables=variables)}
    )
    client = as_user(grace)
    await client.post(ME)
    headers = {**client.headers, "accept": "text/event-stream"}
    stream = (await client.http.post("/graphql", json={"query": OTHER}, headers=headers)).text

    assert (refused["type"], code_of({"errors": refused["payload"]})) == ("error", "DOCUMENT_NOT_TRUSTED")
    assert await socket.is_silent()  # subscribed
    assert "DOCUMENT_NOT_TRUSTED" in stream and "username" not in stream


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[]", "must be a JSON object"),
        (b"{}", "each name must have a document"),
        (b'{"a": 1}', "each name must have a document"),
        (b"\xff", "it is not JSON"),
        (b'{"format": "apollo-persisted-query-manifest"}', "its operations must be a list"),
        (b'{"format": "apollo-persisted-query-manifest", "operations": [{}]}', "must have an id"),
        (
            b'{"format": "apollo-persisted-query-manifest", "operations":'
            b' [{"id": "a", "body": "b"}, {"id": "a", "body": "c"}]}',
            "twice",
        ),
    ],
)
def test_a_file_that_is_no_manifest_is_named_at_the_start(settings, tmp_path, content, reason):
    settings.GRAPHQL_TRUSTED_DOCUMENTS = tmp_path / "trusted.json"
    settings.GRAPHQL_TRUSTED_DOCUMENTS.write_bytes(content)
    with pytest.raises(ImproperlyConfigured, match=f"GRAPHQL_TRUSTED_DOCUMENTS: .*{reason}"):
        trusted_documents()


def _write(folder: Path, **documents: str) -> None:
    for name, text in documents.items():
        (folder / f"{name}.graphql").write_text(f"{text}\n")


def test_a_manifest_is_made_of_files_and_can_be_checked(tmp_path, capsys):
    _write(tmp_path, me=ME, added=ADDED)
    manifest = tmp_path / "trusted.json"

    call_command("trusted_documents", str(tmp_path), output=manifest)
    call_command("trusted_documents", str(manifest))

    assert read_manifest(manifest.read_bytes()) == {digest_of(ME): ME, digest_of(ADDED): ADDED}
    assert json.loads(manifest.read_text())["operations"][1] == APOLLO["operations"][0]
    assert capsys.readouterr().out == "2 documents can run.\n" * 2


def test_a_document_that_cannot_run_is_named_and_no_manifest_is_written(tmp_path):
    _write(tmp_path, me=ME, wrong="{ nonsense }", fragment="fragment F on User { id }")
    output = tmp_path / "trusted.json"
    with pytest.raises(CommandError) as refused:
        call_command("trusted_documents", str(tmp_path), output=output)
    assert "wrong.graphql: Cannot query field 'nonsense'" in str(refused.value)
    assert "fragment.graphql" in str(refused.value)
    assert not output.exists()


def test_a_folder_without_documents_is_named(tmp_path):
    with pytest.raises(CommandError, match="no .graphql file"):
        call_command("trusted_documents", str(tmp_path))
