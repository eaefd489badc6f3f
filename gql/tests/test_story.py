"""The main job over the network: sign in, upload, ask, follow the answer; web process and worker are real."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect

from chat.models import Membership, Room, User
from rag.actions import create_collection

pytestmark = pytest.mark.django_db(transaction=True)

UPLOAD = """mutation($input: UploadDocumentInput!) { uploadDocument(input: $input) { id status } }"""
PROGRESS = "subscription($id: ID!) { documentProgress(documentId: $id) { status error { message } } }"
ASK = "mutation($input: AskInput!) { ask(input: $input) { id status } }"
ANSWER = """subscription($id: ID!) { answerStream(answerId: $id) { __typename ... on AnswerDelta { index text }
    ... on AnswerFinished { answer { status finishedAt passages { text } message { text
        citations { number documentTitle quote url } } } } } }"""
TIMEOUT_S = 60
HANDBOOK = b"# Handbook\n\n## Leave\n\nEverybody has thirty days of leave a year.\n\n## Tea\n\nTea is free.\n"


async def _results(url: str, token: str, query: str, **variables: Any) -> list[dict]:
    """Every result of an operation over WebSocket, until it completes."""
    address = url.replace("http", "ws") + "/graphql"
    results: list[dict] = []
    async with asyncio.timeout(TIMEOUT_S), connect(address, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        await socket.send(
            json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
        )
        assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        payload = {"query": query, "variables": variables}
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "complete":
                return results
            assert "errors" not in message["payload"], message
            results.append(message["payload"]["data"])
    pytest.fail("the socket was closed")


@pytest.fixture
def office(db) -> dict[str, Any]:
    ada = User.objects.create_user("ada", password="correct horse", is_superuser=True)
    room = Room.objects.create(name="general")
    parley = {"display_name": "Parley", "is_bot": True, "bot_task": "rag.answer"}
    User.objects.get_or_create(username="parley", defaults=parley)
    Membership.objects.create(room=room, user=ada)
    return {"room": room, "collection": create_collection(ada, name="Handbook", everyone=True)}


async def test_a_document_is_uploaded_asked_about_and_cited(office, start_parley_server, start_parley_worker):
    server = await asyncio.to_thread(start_parley_server)
    await asyncio.to_thread(start_parley_worker)
    async with httpx2.AsyncClient(base_url=server.url, timeout=TIMEOUT_S) as http:
        signed_in = await http.post("/api/token/", json={"username": "ada", "password": "correct horse"})
        token = signed_in.json()["access"]
        http.headers["authorization"] = f"Bearer {token}"

        variables = {"input": {"collectionId": str(office["collection"].pk), "file": None}}
        uploaded = await http.post(
            "/graphql",
            data={
                "operations": json.dumps({"query": UPLOAD, "variables": variables}),
                "map": '{"0": ["variables.input.file"]}',
            },
            files={"0": ("handbook.md", HANDBOOK, "text/markdown")},
        )
        document = uploaded.json()["data"]["uploadDocument"]
        progress = await _results(server.url, token, PROGRESS, id=document["id"])

        question = {
            "roomId": str(office["room"].pk),
            "question": "How many days of leave does everybody have?",
        }
        asked = await http.post("/graphql", json={"query": ASK, "variables": {"input": question}})
        answer = asked.json()["data"]["ask"]
        live = await _results(server.url, token, ANSWER, id=answer["id"])
        later = await _results(server.url, token, ANSWER, id=answer["id"])

    assert progress[-1]["documentProgress"] == {"status": "READY", "error": None}
    assert answer["status"] == "STREAMING"
    *deltas, finished = (result["answerStream"] for result in live)
    assert deltas and all(delta["__typename"] == "AnswerDelta" for delta in deltas)
    assert finished["answer"]["status"] == "FINAL"
    message = finished["answer"]["message"]
    assert "thirty days" in message["text"]
    assert any("thirty days of leave" in citation["quote"] for citation in message["citations"])
    assert any("thirty days" in passage["text"] for passage in finished["answer"]["passages"])
    assert [result["answerStream"].get("text") for result in later] == [message["text"], None]
    assert later[-1]["answerStream"] == finished
