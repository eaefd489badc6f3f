"""What a page does with an error of the domain: the status and the words that belong to its code."""

import math

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin

from chat.errors import DomainError

STATUS_OF = {
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "BAD_USER_INPUT": 400,
    "CONFLICT": 409,
    "PAYLOAD_TOO_LARGE": 413,
    "RATE_LIMITED": 429,
    "UNAVAILABLE": 503,
}
_OWN_PAGE = {403: "403.html", 404: "404.html"}


def wants_json(request: HttpRequest) -> bool:
    """Whether the page's own script is asking, rather than a browser that shows what it gets."""
    return request.headers.get("Accept", "").startswith("application/json")


class DomainErrorPages(MiddlewareMixin):
    """A view raises what an action raised; a person sees a page that says so, a script {"error": {code, message}}."""

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        status = STATUS_OF.get(error.code, 500)
        response = (
            JsonResponse({"error": error.as_dict()}, status=status)
            if wants_json(request)
            else render(request, _OWN_PAGE.get(status, "400.html"), {"error": error}, status=status)
        )
        if error.retry_after_s is not None:
            response["Retry-After"] = str(math.ceil(error.retry_after_s))
        return response
