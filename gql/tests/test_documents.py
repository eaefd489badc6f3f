"""Collections, uploads by the multipart request specification, progress, and search within what one may read."""

import json

import pytest

from chat import actions
from chat.database import run_in_db
from chat.models import Membership
from gql.tests.client import Json, access_token
from rag.actions import create_collection
from rag.models import Answer, AnswerPassage, Chunk, Collection, Document
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.library import process, upload

pytestmark = pytest.mark.django_db(transaction=True)

UPLOAD = """mutation($input: UploadDocumentInput!) { uploadDocument(input: $input) {
    id title filename mediaType sizeBytes status error { code } chunkCount embeddedCount url
    collection { name documentCount } uploadedBy { username } } }"""
SEARCH = """query($query: String!, $topK: Int, $room: ID, $collections: [ID!]) {
    similaritySearch(query: $query, topK: $topK, roomId: $room, collectionIds: $collections) {
        id text score page heading url document { title } } }"""


@pytest.fixture(autouse=True)
def storage_folder(settings, tmp_path, monkeypatch):
    storage = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": tmp_path / "files"},
    }
    settings.STORAGES = settings.STORAGES | {"default": storage}
    monkeypatch.setattr("rag.embeddings.configuration.configured_embedder", ScriptedEmbedder)


@pytest.fixture
def handbook(ada) -> Collection:
    return create_collection(ada, name="Handbook", everyone=True)


async def _upload(
    http, user, content: bytes, *, operations: Json, places: object = None, headers: Json | None = None
):
    places = {"0": ["variables.input.file"]} if places is None else places
    return await http.post(
        "/graphql",
        data={"operations": json.dumps(operations), "map": json.dumps(places)},
        files={"0": ("leave.md", content, "text/markdown")},
        headers=headers if headers is not None else {"authorization": f"Bearer {await access_token(user)}"},
    )


def _operations(collection: Collection, **more) -> Json:
    values = {"collectionId": str(collection.pk), "file": None, **more}
    return {"query": UPLOAD, "variables": {"input": values}}


async def test_a_file_is_uploaded_followed_until_ready_and_found(
    http, as_user, open_socket, ada, grace, handbook
):
    text = b"# Leave\n\nEverybody has thirty days of leave a year.\n"

    response = await _upload(http, ada, text, operations=_operations(handbook))
    made = response.json()["data"]["uploadDocument"]
    socket = await open_socket(grace).start()
    await socket.subscribe(
        "1",
        "subscription($id: ID!) { documentProgress(documentId: $id) { status chunkCount } }",
        id=made["id"],
    )
    first = (await socket.next_data())["documentProgress"]
    await run_in_db(process, await Document.objects.aget())
    states = [first]
    while states[-1]["status"] != "READY":
        states.append((await socket.next_data())["documentProgress"])
    found = (await as_user(grace).data(SEARCH, query="thirty days", topK=3))["similaritySearch"]

    assert made == made | {
        "filename": "leave.md",
        "mediaType": "text/markdown",
        "sizeBytes": len(text),
        "status": "QUEUED",
        "error": None,
        "collection": {"name": "Handbook", "documentCount": 1},
        "uploadedBy": {"username": "ada"},
        "url": f"/documents/{made['id']}/",
    }
    assert first == {"status": "QUEUED", "chunkCount": 0}
    assert states[-1] == {"status": "READY", "chunkCount": 1}
    assert await socket.receive() == {"id": "1", "type": "complete"}
    [passage] = found
    assert "thirty days" in passage["text"]
    assert passage["document"] == {"title": "Leave"}
    assert passage["url"] == f"/documents/{made['id']}/passages/{passage['id']}/"


@pytest.mark.parametrize(
    ("places", "field"),
    [
        ({"0": ["variables.input.other"]}, "map"),
        ({"0": ["variables.input.collectionId"]}, "map"),
        ({"0": "variables.input.file"}, "map"),
        ({"1": ["variables.input.file"]}, "map"),
        ([], "map"),
        ({str(n): [] for n in range(21)}, "map"),
    ],
)
async def test_a_map_that_does_not_fit_is_bad_input(http, ada, handbook, places, field):
    response = await _upload(http, ada, b"text", operations=_operations(handbook), places=places)
    assert response.status_code == 400
    assert list(response.json()["errors"][0]["extensions"]["fields"]) == [field]
    assert await Document.objects.acount() == 0


async def test_an_upload_that_is_no_file_is_bad_input(as_user, ada, handbook):
    values = {"collectionId": str(handbook.pk), "file": "text"}
    assert (await as_user(ada).error(UPLOAD, input=values))["code"] == "BAD_USER_INPUT"


async def test_a_new_version_replaces_the_older_one_where_that_is_asked_for(http, ada, handbook):
    for text in (b"Thirty days of leave.", b"Thirty-one days of leave."):
        response = await _upload(http, ada, text, operations=_operations(handbook, replace=True))
        assert "errors" not in response.json()
        await run_in_db(lambda: process(Document.objects.latest("pk")))
    [document] = await run_in_db(lambda: list(Document.objects.select_related("extracted")))
    assert document.extracted.text.startswith("Thirty-one")


async def test_an_upload_with_a_session_needs_proof_of_its_origin(http, ada, handbook):
    headers = {"cookie": "sessionid=anything"}
    response = await _upload(http, ada, b"text", operations=_operations(handbook), headers=headers)
    assert response.status_code == 403


async def test_an_upload_that_is_too_large_is_refused(http, ada, handbook, settings):
    settings.UPLOAD_MAX_BYTES = settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    response = await _upload(http, ada, b"x" * 3000, operations=_operations(handbook))
    assert response.status_code == 413
    assert response.json()["errors"][0]["extensions"]["code"] == "PAYLOAD_TOO_LARGE"
    assert await Document.objects.acount() == 0


@pytest.mark.parametrize("body", [b"", b"--b\r\n\r\n", b"nonsense" * 100])
async def test_a_broken_multipart_body_is_bad_input(http, ada, body):
    headers = {
        "authorization": f"Bearer {await access_token(ada)}",
        "content-type": "multipart/form-data; boundary=b",
    }
    response = await http.post("/graphql", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_wrong_types_and_other_peoples_collections_are_refused(http, ada, grace, handbook):
    wrong = await _upload(http, ada, b"\x7fELF" + bytes(200), operations=_operations(handbook))
    forbidden = await _upload(http, grace, b"text", operations=_operations(handbook))
    assert wrong.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert forbidden.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await Document.objects.acount() == 0


async def test_collections_are_made_shared_listed_and_documents_deleted(as_user, ada, grace, private):
    create = """mutation($input: CreateCollectionInput!) {
        createCollection(input: $input) {
            id name description everyone rooms { name } owner { username } documentCount } }"""
    share = "mutation($input: ShareCollectionInput!) { shareCollection(input: $input) { rooms { name } } }"
    names = "{ collections { totalCount edges { node { name } } } documents { totalCount edges { node { title } } } }"
    made = (await as_user(ada).data(create, input={"name": "Plans", "description": "secret"}))[
        "createCollection"
    ]
    document = await run_in_db(upload, ada, await Collection.objects.aget(), "Attack at dawn.", title="Dawn")
    assert made == {
        "id": made["id"],
        "name": "Plans",
        "description": "secret",
        "everyone": False,
        "rooms": [],
        "owner": {"username": "ada"},
        "documentCount": 0,
    }
    await run_in_db(process, document)
    assert (await as_user(grace).data(names))["collections"] == {"totalCount": 0, "edges": []}
    assert (await as_user(grace).data(SEARCH, query="attack at dawn"))["similaritySearch"] == []

    await Membership.objects.acreate(room=private, user=grace)
    shared = await as_user(ada).data(share, input={"collectionId": made["id"], "roomIds": [private.pk]})
    assert shared["shareCollection"] == {"rooms": [{"name": "engineering"}]}
    assert await as_user(grace).data(names) == {
        "collections": {"totalCount": 1, "edges": [{"node": {"name": "Plans"}}]},
        "documents": {"totalCount": 1, "edges": [{"node": {"title": "Dawn"}}]},
    }
    assert len((await as_user(grace).data(SEARCH, query="attack at dawn"))["similaritySearch"]) == 1

    delete = "mutation($id: ID!) { deleteDocument(documentId: $id) }"
    assert (await as_user(grace).error(delete, id=document.pk))["code"] == "FORBIDDEN"
    assert await as_user(ada).data(delete, id=document.pk) == {"deleteDocument": True}
    assert (await as_user(ada).error("query($id: ID!) { document(id: $id) { id } }", id=document.pk))[
        "code"
    ] == "NOT_FOUND"


async def test_a_search_for_a_room_finds_only_what_everyone_there_may_read(as_user, ada, general):
    own = await run_in_db(create_collection, ada, name="Own")
    await run_in_db(process, await run_in_db(upload, ada, own, "The launch code is swordfish."))

    assert len((await as_user(ada).data(SEARCH, query="swordfish"))["similaritySearch"]) == 1
    assert (await as_user(ada).data(SEARCH, query="swordfish", room=general.pk))["similaritySearch"] == []


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"query": ""}, "BAD_USER_INPUT"),
        ({"query": "x" * 2001}, "BAD_USER_INPUT"),
        ({"query": "x", "topK": 0}, "BAD_USER_INPUT"),
        ({"query": "x", "topK": 51}, "BAD_USER_INPUT"),
        ({"query": "x", "room": "987654"}, "NOT_FOUND"),
        ({"query": "x", "collections": ["987654"]}, "NOT_FOUND"),
    ],
)
async def test_searches_that_cannot_be_made_are_refused(as_user, ada, values, code):
    assert (await as_user(ada).error(SEARCH, **values))["code"] == code


# ------------------------------------------------------------------------------------------- answers

ASK = """mutation($input: AskInput!) { ask(input: $input) {
    id status question { text author { username } } message { status kind parentId answer { id } }
    assistant { username } passages { text } inputTokens outputTokens cost promptVersion model finishedAt } }"""


async def test_a_question_is_asked_stopped_and_regenerated(as_user, grace, parley, general):
    client = as_user(grace)
    asked = (await client.data(ASK, input={"roomId": general.pk, "question": "How many days?"}))["ask"]
    stopped = await client.data(
        "mutation($id: ID!) { stopAnswer(answerId: $id) { status message { status } } }", id=asked["id"]
    )
    again = await client.data(
        "mutation($id: ID!) { regenerateAnswer(answerId: $id) { id status } }", id=asked["id"]
    )

    assert asked == {
        "id": asked["id"],
        "status": "STREAMING",
        "question": {"text": "@parley How many days?", "author": {"username": "grace"}},
        "message": {
            "status": "STREAMING",
            "kind": "ANSWER",
            "parentId": str((await Answer.objects.aget()).question_id),
            "answer": {"id": asked["id"]},
        },
        "assistant": {"username": "parley"},
        "passages": [],
        "inputTokens": 0,
        "outputTokens": 0,
        "cost": "0",
        "promptVersion": None,
        "model": "",
        "finishedAt": None,
    }
    assert stopped["stopAnswer"] == {"status": "STOPPED", "message": {"status": "STOPPED"}}
    assert again["regenerateAnswer"] == {"id": asked["id"], "status": "STREAMING"}


async def test_asking_nobody_nothing_or_elsewhere_is_refused(as_user, grace, parley, general, private):
    client = as_user(grace)
    for values, code in (
        ({"roomId": general.pk, "question": "Who?", "assistant": "nobody"}, "NOT_FOUND"),
        ({"roomId": general.pk, "question": " "}, "BAD_USER_INPUT"),
        ({"roomId": private.pk, "question": "Who?"}, "NOT_FOUND"),
    ):
        assert (await client.error(ASK, input=values))["code"] == code
    assert await Answer.objects.acount() == 0


async def test_the_passages_of_an_answer_are_those_the_reader_may_read(as_user, ada, grace, parley, general):
    own = await run_in_db(create_collection, ada, name="Own")
    await run_in_db(process, await run_in_db(upload, ada, own, "The launch code is swordfish."))
    question = await run_in_db(actions.post_message, grace, room_id=general.pk, text="What is the code?")
    asked = (await as_user(grace).data(ASK, input={"roomId": general.pk, "question": "code?"}))["ask"]
    await AnswerPassage.objects.acreate(
        answer_id=asked["id"], chunk=await Chunk.objects.aget(), rank=1, score=0.5, text_sha256="0" * 64
    )
    query = "query($id: ID!) { answer(id: $id) { passages { text score document { title } } } }"

    assert (await as_user(grace).data(query, id=asked["id"]))["answer"] == {"passages": []}
    [passage] = (await as_user(ada).data(query, id=asked["id"]))["answer"]["passages"]
    assert (passage["text"], passage["score"]) == ("The launch code is swordfish.", 0.5)
    assert question.pk


async def test_a_page_of_the_web_is_added_by_its_url(as_user, ada, grace, handbook):
    text = """mutation($input: AddDocumentUrlInput!) { addDocumentUrl(input: $input) {
        id title status source language warning } }"""
    values = {"collectionId": str(handbook.pk), "url": "https://example.org/Guide#top", "checkEveryHours": 24}

    made = (await as_user(ada).data(text, input=values))["addDocumentUrl"]
    refused = await as_user(ada).error(text, input=values | {"url": "file:///etc/passwd"})
    forbidden = await as_user(grace).error(text, input=values)

    url = "https://example.org/Guide"
    assert made == {
        "id": made["id"],
        "title": url,
        "status": "QUEUED",
        "source": url,
        "language": "",
        "warning": "",
    }
    assert refused["code"] == "BAD_USER_INPUT"
    assert refused["fields"] == {"url": "is not fetched"}
    assert forbidden["code"] == "FORBIDDEN"
    check = "mutation($id: ID!) { checkDocumentUrl(documentId: $id) { id } }"
    assert (await as_user(ada).data(check, id=made["id"]))["checkDocumentUrl"]["id"] == made["id"]
