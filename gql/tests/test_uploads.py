"""Requests with files as clients of the multipart request specification send them, and as they break off."""

import asyncio
import json
from pathlib import Path

import pytest
from asgiref.testing import ApplicationCommunicator

from chat.database import run_in_db
from gql.tests.client import TIMEOUT_S, access_token
from gql.transports import multipart
from project.asgi import application
from rag.actions import create_collection
from rag.models import Collection, Document

pytestmark = pytest.mark.django_db(transaction=True)

TWO = """mutation($one: UploadDocumentInput!, $two: UploadDocumentInput!) {
    one: uploadDocument(input: $one) { filename sizeBytes } two: uploadDocument(input: $two) { filename sizeBytes } }"""
TYPE = "multipart/form-data; boundary=----boundary"


@pytest.fixture(autouse=True)
def storage_folder(settings, tmp_path):
    storage = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": tmp_path / "files"},
    }
    settings.STORAGES = settings.STORAGES | {"default": storage}


@pytest.fixture
def handbook(ada) -> Collection:
    return create_collection(ada, name="Handbook", everyone=True)


def operations(collection: Collection) -> str:
    one = {"collectionId": str(collection.pk), "file": None}
    return json.dumps({"query": TWO, "variables": {"one": one, "two": one}})


def part(name: str, content: str, filename: str = "") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"'
    if filename:
        head += f'; filename="{filename}"\r\nContent-Type: text/markdown'
    return f"------boundary\r\n{head}\r\n\r\n{content}\r\n".encode()


def body(*parts: bytes, end: bytes = b"------boundary--\r\n") -> bytes:
    return b"".join(parts) + end


MAP = part("map", '{"0": ["variables.one.file"], "1": ["variables.two.file"]}')
FILES = (part("0", "# Tea", "tea.md"), part("1", "# Coffee", "coffee.md"))


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def post(http, user, content: bytes):
    headers = {"authorization": f"Bearer {await access_token(user)}", "content-type": TYPE}
    return await http.post("/graphql", content=content, headers=headers)


async def test_several_files_are_uploaded_in_one_request(http, ada, handbook):
    content = body(part("operations", operations(handbook)), MAP, *FILES)
    answer = await post(http, ada, content)
    assert answer.json()["data"] == {
        "one": {"filename": "tea.md", "sizeBytes": 5},
        "two": {"filename": "coffee.md", "sizeBytes": 8},
    }


async def test_one_file_may_stand_in_two_places(http, ada, handbook):
    places = part("map", '{"0": ["variables.one.file", "variables.two.file"]}')
    answer = await post(http, ada, body(part("operations", operations(handbook)), places, FILES[0]))
    assert [made["filename"] for made in answer.json()["data"].values()] == ["tea.md", "tea.md"]
    assert await Document.objects.acount() == 1


@pytest.mark.parametrize(
    ("parts", "end"),
    [
        ((MAP, FILES[0]), b"------boundary--\r\n"),  # a file of the map is missing
        (
            (MAP, *FILES, part("2", "#", "third.md")),
            b"------boundary--\r\n",
        ),  # one that the map does not name
        ((MAP, *FILES, part("1", "#", "again.md")), b"------boundary--\r\n"),  # two of one name
        ((MAP, *FILES), b""),  # cut off
        ((MAP, *FILES), b"------bound"),
        ((FILES[0], part("map", "{")), b"------boundary--\r\n"),
    ],
)
async def test_a_request_that_is_not_whole_uploads_nothing(http, ada, handbook, parts, end):
    answer = await post(http, ada, body(part("operations", operations(handbook)), *parts, end=end))
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert await Document.objects.acount() == 0


@pytest.mark.parametrize("files_max", [1, multipart.FILES_MAX])
async def test_a_request_has_so_many_files_and_no_more(http, ada, handbook, monkeypatch, settings, files_max):
    monkeypatch.setattr(multipart, "FILES_MAX", files_max)
    more = 2 if files_max == 1 else settings.DATA_UPLOAD_MAX_NUMBER_FILES + 1
    files = [part(str(n), "# Tea", "tea.md") for n in range(more)]
    answer = await post(http, ada, body(part("operations", operations(handbook)), MAP, *files))
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["extensions"]["code"] == "PAYLOAD_TOO_LARGE"
    assert await Document.objects.acount() == 0


async def test_a_file_that_is_too_large_by_itself_is_refused_by_its_field(http, ada, handbook, settings):
    settings.UPLOAD_MAX_BYTES = 6
    answer = await post(http, ada, body(part("operations", operations(handbook)), MAP, *FILES))
    [error] = answer.json()["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["two"], "PAYLOAD_TOO_LARGE")
    assert await Document.objects.acount() == 1


@pytest.mark.parametrize("sent", [0.2, 0.95])
async def test_an_upload_that_breaks_off_leaves_nothing_behind(ada, handbook, tmp_path, monkeypatch, sent):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    content = body(part("operations", operations(handbook)), MAP, *FILES)
    headers = {
        "host": "localhost",
        "authorization": f"Bearer {await access_token(ada)}",
        "content-type": TYPE,
        "content-length": str(len(content)),
    }
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    communicator = ApplicationCommunicator(application, scope)
    half = content[: int(len(content) * sent)]
    await communicator.send_input({"type": "http.request", "body": half, "more_body": True})
    await asyncio.sleep(0.1)
    await communicator.send_input({"type": "http.disconnect"})
    await communicator.wait(TIMEOUT_S)

    assert await communicator.receive_nothing()
    assert await Document.objects.acount() == 0
    assert files_below(tmp_path) == []


async def test_nobody_uploads_without_signing_in(http, handbook):
    content = body(part("operations", operations(handbook)), MAP, *FILES)
    answer = await http.post("/graphql", content=content, headers={"content-type": TYPE})
    assert answer.status_code == 401
    assert await run_in_db(Document.objects.count) == 0
