"""Static files are served by the application itself, under ASGI without a warning."""

from django.test import AsyncClient


async def test_a_static_file_is_sent_whole_with_its_type_and_can_be_asked_for_again():
    client = AsyncClient()

    response = await client.get("/static/chat/tokens.css")
    again = await client.get(
        "/static/chat/tokens.css", headers={"If-Modified-Since": response["Last-Modified"]}
    )
    head = await client.head("/static/chat/tokens.css")

    assert response.status_code == 200 and not response.streaming
    assert response["Content-Type"].startswith("text/css")
    assert len(response.content) == int(response["Content-Length"])
    assert (again.status_code, again.content) == (304, b"")
    assert (head.status_code, head.content) == (200, b"")
