"""What holds for every page."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class PrivateResponses:
    """What is shown to somebody signed in is kept by no cache, of a browser or in between, unless a view says so.

    Stands behind the middleware that serves static files.
    """

    async_capable = True
    sync_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]):
        self._get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        response = self._get_response(request)
        if isinstance(response, HttpResponseBase):
            return _keep_private(request, response)
        return self._when_it_comes(request, response)

    async def _when_it_comes(
        self, request: HttpRequest, response: Awaitable[HttpResponseBase]
    ) -> HttpResponseBase:
        return _keep_private(request, await response)


def _keep_private(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    # Reading the session is enough: a page that looked at who asks is about somebody.
    session = getattr(request, "session", None)
    if session is not None and session.accessed and not response.has_header("Cache-Control"):
        response.headers["Cache-Control"] = "private, no-store"
    return response
