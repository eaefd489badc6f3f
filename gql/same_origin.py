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
    """Let a POST with a session cookie pass only with a same-origin Origin or Sec-Fetch-Site, or Django's CSRF token.

    A browser cannot be made to send the first two falsely, nor the third from another site. GET changes nothing, and
    its response cannot be read from another site.

    Raises:
        Forbidden.
    """
    if scope["method"] != "POST":
        return
    cookies = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    if not cookies.get(settings.SESSION_COOKIE_NAME):
        return
    origin_is_ours = b"origin" in headers and origin_allowed(headers)
    fetched_from_here = b"origin" not in headers and headers.get(b"sec-fetch-site") == b"same-origin"
    if not origin_is_ours and not fetched_from_here and not _has_csrf_token(scope):
        raise Forbidden(CROSS_SITE)


def _has_csrf_token(scope: dict[str, Any]) -> bool:
    request = ASGIRequest(scope, BytesIO())
    request.META["CONTENT_TYPE"] = ""  # the token is in a header; the body is not Django's to read
    middleware = CsrfViewMiddleware(lambda request: HttpResponse())
    middleware.process_request(request)
    return middleware.process_view(request, lambda: HttpResponse(), (), {}) is None
