"""Accept headers, as RFC 9110 reads them."""

import pytest

from gql.transports.negotiation import GRAPHQL, HTML, JSON, SSE, is_utf_8, negotiate

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (BROWSER, HTML),
        (JSON, JSON),
        (f"{JSON};charset=utf-8", JSON),
        (f"{JSON}; charset=iso-8859-1", None),
        (f"{GRAPHQL}, {JSON}", GRAPHQL),
        (f"{JSON}, {GRAPHQL}", JSON),
        (f"{GRAPHQL};q=0.9, {JSON}", JSON),
        (f"{GRAPHQL}; q=0.5 , {JSON};q=0.4, */*;q=0.1", GRAPHQL),
        (f"{JSON};q=0, */*", GRAPHQL),
        (f"*/*, {JSON};q=0.1, {GRAPHQL};q=0.2", GRAPHQL),
        (f"{JSON};q=0", None),
        (f"{JSON};q=2", None),
        (f"{JSON};q=x", None),
        (f"{SSE}, */*", SSE),
        (f"{SSE};q=0.5, {JSON}", JSON),
        (f"{GRAPHQL}, application/graphql+json, {JSON}, {SSE}, multipart/mixed", GRAPHQL),
        (f"{SSE}, multipart/mixed", SSE),
        ("image/png", None),
        ("text/*", None),
        (",;,", None),
    ],
)
def test_the_best_type_is_chosen(accept, chosen):
    assert negotiate(accept) == chosen
    assert negotiate(accept.upper()) == chosen


@pytest.mark.parametrize(
    ("content_type", "fits"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ('application/json; Charset="UTF-8"', True),
        ("application/json;charset=utf-16", False),
        ("multipart/form-data; boundary=x", True),
    ],
)
def test_only_utf_8_is_read(content_type, fits):
    assert is_utf_8(content_type) is fits
