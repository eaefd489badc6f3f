"""What pages of other sites cannot do with the session cookie of somebody who opens them.

POSTs are in test_http.py.
"""

import pytest
from django.conf import settings
from django.test import Client

from chat.models import Message

pytestmark = pytest.mark.django_db(transaction=True)
ME = "/graphql?query={me{username}}"
SEND = 'mutation { sendMessage(input: {roomId: "%s", text: "hello"}) { text } }'
FORM = (
    '--b\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{"query": "{ me { id } }"}\r\n'
    '--b\r\nContent-Disposition: form-data; name="map"\r\n\r\n{}\r\n--b--\r\n'
)


@pytest.fixture
def cookie(grace) -> str:
    browser = Client()
    browser.force_login(grace)
    return f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
    ],
)
async def test_a_query_by_get_from_another_site_is_refused(http, cookie, headers):
    response = await http.get(ME, headers={**headers, "cookie": cookie, "accept": "application/json"})

    assert response.status_code == 403
    assert response.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    "headers",
    [{}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {"origin": "http://localhost"}],
)
async def test_a_query_by_get_from_here_is_answered(http, cookie, headers):
    response = await http.get(ME, headers={**headers, "cookie": cookie, "accept": "application/json"})

    assert response.json()["data"] == {"me": {"username": "grace"}}


async def test_a_page_of_a_trusted_origin_may_use_the_session(http, cookie, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://friend.example"]
    headers = {"origin": "https://friend.example", "sec-fetch-site": "cross-site", "cookie": cookie}

    response = await http.get(ME, headers={**headers, "accept": "application/json"})

    assert response.json()["data"] == {"me": {"username": "grace"}}


async def test_a_mutation_by_get_is_refused(http, cookie, general):
    response = await http.get("/graphql", params={"query": SEND % general.pk}, headers={"cookie": cookie})

    assert response.status_code == 405
    assert await Message.objects.acount() == 0


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/plain; application/json",
        "application/x-www-form-urlencoded",
        "application/graphql",
        "",
    ],
)
async def test_bodies_that_a_form_can_send_are_not_read(http, cookie, general, content_type):
    body = '{"query": "mutation { __typename }"}'
    headers = {"cookie": cookie, "origin": "http://localhost", "content-type": content_type}

    response = await http.post("/graphql", content=body, headers=headers)

    assert response.status_code == 415


async def test_a_form_with_files_from_another_site_is_refused(http, cookie):
    headers = {"cookie": cookie, "content-type": "multipart/form-data; boundary=b"}

    refused = await http.post("/graphql", content=FORM, headers={**headers, "origin": "http://evil.example"})
    ours = await http.post("/graphql", content=FORM, headers={**headers, "origin": "http://localhost"})

    assert refused.status_code == 403
    assert ours.status_code == 200
