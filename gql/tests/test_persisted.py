"""Automatic persisted queries: what is kept, for whom, how much, and what a client hears when it is not."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from redis import Redis

from chat.models import Message
from gql.requests import document_store
from gql.requests.document_store import DocumentStore, digest_of
from gql.tests.client import GraphQLClient

pytestmark = pytest.mark.django_db(transaction=True)

ME = "query Me { me { username } }"
GRAPHQL = "application/graphql-response+json"
NOT_FOUND = {
    "errors": [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]
}


@pytest.fixture(autouse=True)
def empty_store():
    """Neither the process nor Redis knows a document."""
    store = document_store.document_store()
    store.forget_recent()
    with Redis.from_url(settings.REDIS_URL) as redis:
        for key in redis.scan_iter(f"{settings.CHANNEL_PREFIX}:documents:*"):
            redis.delete(key)
    yield store
    store.forget_recent()


def hashed(text: str, digest: str | None = None, **more) -> dict:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest or digest_of(text)}}, **more}


async def ask(client: GraphQLClient, **body) -> dict:
    await client.post(ME)  # signs in
    return (await client.http.post("/graphql", json=body, headers=client.headers)).json()


async def test_a_document_is_sent_once_and_then_named(as_user, grace):
    client = as_user(grace)
    assert await ask(client, **hashed(ME)) == NOT_FOUND
    first = await ask(client, **hashed(ME, query=ME))
    assert first["data"] == {"me": {"username": "grace"}}
    assert (await ask(client, **hashed(ME)))["data"] == first["data"]


async def test_another_process_knows_it_too(as_user, grace, empty_store):
    client = as_user(grace)
    await ask(client, **hashed(ME, query=ME))
    empty_store.forget_recent()
    assert (await ask(client, **hashed(ME)))["data"] == {"me": {"username": "grace"}}


async def test_a_query_is_named_in_an_address_with_variables(as_user, grace, general):
    query = "query Room($id: ID!) { room(id: $id) { name } }"
    client = as_user(grace)
    await ask(client, **hashed(query, query=query, variables={"id": str(general.pk)}))
    params = {
        "extensions": json.dumps(hashed(query)["extensions"]),
        "variables": json.dumps({"id": str(general.pk)}),
    }
    answer = await client.http.get("/graphql", params=params, headers=client.headers)
    assert answer.json()["data"] == {"room": {"name": "general"}}


async def test_document_ids_of_the_specification_name_the_same_documents(as_user, grace):
    client = as_user(grace)
    document_id = f"sha256:{digest_of(ME)}"
    assert await ask(client, documentId=document_id) == NOT_FOUND
    await ask(client, documentId=document_id, query=ME)
    assert (await ask(client, documentId=document_id))["data"] == {"me": {"username": "grace"}}
    assert (await ask(client, **hashed(ME)))["data"] == {"me": {"username": "grace"}}
    url = f"/graphql?documentId={document_id}"
    assert (await client.http.get(url, headers=client.headers)).json()["data"] == {
        "me": {"username": "grace"}
    }


async def test_named_documents_run_over_sockets_and_event_streams(as_user, open_socket, grace):
    client = as_user(grace)
    await ask(client, **hashed(ME, query=ME))

    socket = await open_socket(grace).start()
    await socket.send({"id": "1", "type": "subscribe", "payload": hashed(ME)})
    over_socket = await socket.next_data()
    await socket.receive()
    await socket.send({"id": "2", "type": "subscribe", "payload": hashed("{ me { id } }")})
    unknown = await socket.receive()
    headers = {**client.headers, "accept": "text/event-stream"}
    events = [
        (await client.http.post("/graphql", json=hashed(query), headers=headers)).text
        for query in (ME, "{ me { id } }")
    ]

    assert over_socket == {"me": {"username": "grace"}}
    assert (unknown["type"], unknown["payload"]) == ("error", NOT_FOUND["errors"])
    assert '{"data":{"me":{"username":"grace"}}' in events[0]
    assert "PERSISTED_QUERY_NOT_FOUND" in events[1] and events[1].endswith("event: complete\ndata: \n\n")


async def test_a_mutation_that_was_named_is_not_run_by_get(as_user, grace, general):
    query = f'mutation {{ sendMessage(input: {{roomId: {general.pk}, text: "hello"}}) {{ text }} }}'
    client = as_user(grace)
    await ask(client, **hashed(query, query=query))
    url = f"/graphql?documentId=sha256:{digest_of(query)}"
    assert (await client.http.get(url, headers=client.headers)).status_code == 405
    assert await Message.objects.acount() == 1


@pytest.mark.parametrize(
    "body",
    [
        hashed(ME, digest_of("{ me { id } }"), query=ME),
        {"documentId": "my-document", "query": ME},
        {"documentId": f"sha256:{digest_of(ME).upper()}", "query": ME},
    ],
)
async def test_a_name_that_is_not_the_hash_of_the_document_is_refused_and_not_kept(as_user, grace, body):
    client = as_user(grace)
    [error] = (await ask(client, **body))["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT" and "SHA-256" in error["message"]
    assert await ask(client, **hashed(ME, digest_of("{ me { id } }"))) == NOT_FOUND
    assert await ask(client, **hashed(ME)) == NOT_FOUND


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"documentId": 7}, "documentId"),
        ({"extensions": {"persistedQuery": "x"}}, "extensions"),
        ({"extensions": {"persistedQuery": {"version": 1}}}, "extensions"),
        ({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "x"}}}, "extensions"),
        (hashed(ME, documentId="sha256:other"), "documentId"),
    ],
)
async def test_names_of_the_wrong_shape_are_bad_input(as_user, grace, body, field):
    client = as_user(grace)
    await client.post(ME)
    answer = await client.http.post("/graphql", json=body, headers=client.headers)
    assert answer.status_code == 400
    assert list(answer.json()["errors"][0]["extensions"]["fields"]) == [field]


async def test_what_cannot_run_is_not_kept(as_user, grace):
    client = as_user(grace)
    for query in ("{ nonsense }", "{ me {", "{ rooms(first: 100) { edges { node { " + "members " * 3):
        assert "errors" in await ask(client, **hashed(query, query=query))
        assert await ask(client, **hashed(query)) == NOT_FOUND


async def test_nothing_is_kept_for_who_is_not_signed_in(as_user):
    query = "{ __typename }"
    assert (await ask(as_user(None), **hashed(query, query=query)))["data"] == {"__typename": "Query"}
    assert await ask(as_user(None), **hashed(query)) == NOT_FOUND


async def test_a_name_that_is_not_known_is_a_request_error_by_the_newer_media_type(as_user, grace):
    client = as_user(grace)
    await client.post(ME)
    answer = await client.http.post(
        "/graphql", json=hashed("{ x }"), headers={**client.headers, "accept": GRAPHQL}
    )
    assert (answer.status_code, answer.json()) == (400, NOT_FOUND)


async def test_a_long_document_runs_and_is_not_kept(as_user, grace, monkeypatch):
    monkeypatch.setattr(document_store, "DOCUMENT_MAX_BYTES", 20)
    client = as_user(grace)
    assert "errors" not in await ask(client, **hashed(ME, query=ME))
    assert await ask(client, **hashed(ME)) == NOT_FOUND


# ------------------------------------------------------------------------------------------ the store


@pytest.fixture
def make_store():
    """A function that makes a store with a memory of its own, as another process has."""
    stores = []
    executor = ThreadPoolExecutor(max_workers=1)

    def make(redis_url: str = settings.REDIS_URL, **options) -> DocumentStore:
        prefix = f"{settings.CHANNEL_PREFIX}:documents:test"
        stores.append(DocumentStore(redis_url, prefix=prefix, executor=executor, **options))
        return stores[-1]

    yield make
    for store in stores:
        store.close()
    executor.shutdown()


async def test_the_documents_used_longest_ago_make_room_for_new_ones(make_store, monkeypatch):
    monkeypatch.setattr(document_store, "SHARED_MAX_DOCUMENTS", 3)
    texts = [f"query N{n} {{ me {{ id }} }}" for n in range(5)]
    for text in texts:
        assert await make_store().keep(digest_of(text), text, user_id=1)
    found = [await make_store().find(digest_of(text)) for text in texts]
    assert sum(text is not None for text in found) == 3
    assert {text for text in found if text} < set(texts)


async def test_one_user_registers_so_many_and_no_more(make_store, monkeypatch):
    monkeypatch.setattr(document_store, "USER_MAX_DOCUMENTS", 2)
    store = make_store()
    kept = [await store.keep(digest_of(text), text, user_id=1) for text in ("a", "b", "c", "a")]
    assert kept == [True, True, False, True]
    assert await store.keep(digest_of("c"), "c", user_id=2)


async def test_documents_are_forgotten_after_a_while_unless_they_are_used(make_store):
    store = make_store()
    await store.keep(digest_of("a"), "a", user_id=1)
    with Redis.from_url(settings.REDIS_URL) as redis:
        [key] = redis.scan_iter(f"*:documents:{digest_of('a')}")
        assert 0 < redis.ttl(key) <= document_store.TTL_S
        redis.expire(key, 60)
        assert await make_store().find(digest_of("a")) == "a"
        assert redis.ttl(key) > 60


async def test_a_text_in_redis_that_is_not_what_its_name_says_is_not_believed(make_store):
    await make_store().keep(digest_of("a"), "a", user_id=1)
    with Redis.from_url(settings.REDIS_URL) as redis:
        [key] = redis.scan_iter(f"*:documents:{digest_of('a')}")
        redis.set(key, "b")
    assert await make_store().find(digest_of("a")) is None


async def test_without_redis_nothing_is_known_and_it_is_asked_again_later(make_store):
    now = 100.0
    store = make_store("redis://127.0.0.1:1", clock=lambda: now)
    assert not await store.keep(digest_of("a"), "a", user_id=1)
    assert await store.find(digest_of("a")) is None
