"""Whether a request that a session cookie vouches for comes from a page of this site."""

from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.http.cookie import parse_cookie
from django.middleware.csrf import CsrfViewMiddleware

from chat.access.authentication import origin_allowed
from chat.errors import Forbidden

CROSS_SITE = (
    "This request was not proven to come from this site. Send an X-CSRFToken header, or an access token."
)


def require_same_origin(scope: dict[str, Any], headers: dict[bytes, bytes]) -> None:
    """Let a request with a session cookie pass only if no page of another site can have made it.

    A POST needs a same-origin Origin or Sec-Fetch-Site, or Django's CSRF token: a browser cannot be made to send the
    first two falsely, nor the third from another site. A GET changes nothing, and its response cannot be read from
    elsewhere, but would be paid for by the user whose cookie it carries: it is refused if the browser says that it
    comes from another site. Programs say nothing.

    Raises:
        Forbidden.
    """
    cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    if not cookies.get(settings.SESSION_COOKIE_NAME):
        return
    origin_is_ours = b"origin" in headers and origin_allowed(headers)
    if origin_is_ours:
        return
    fetched_from = headers.get(b"sec-fetch-site")
    if scope["method"] == "POST":
        fetched_from_here = b"origin" not in headers and fetched_from == b"same-origin"
        if not fetched_from_here and not _has_csrf_token(scope):
            raise Forbidden(CROSS_SITE)
    elif b"origin" in headers or fetched_from in (b"cross-site", b"same-site"):
        raise Forbidden(CROSS_SITE)


def _has_csrf_token(scope: dict[str, Any]) -> bool:
    request = ASGIRequest(scope, BytesIO())
    request.META["CONTENT_TYPE"] = ""  # the token is in a header; the body is not Django's to read
    middleware = CsrfViewMiddleware(lambda request: HttpResponse())
    middleware.process_request(request)
    return middleware.process_view(request, lambda: HttpResponse(), (), {}) is None
