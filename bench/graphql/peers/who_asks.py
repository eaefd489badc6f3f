"""The view of `async_view`, and where it is found."""

from django.core.handlers.asgi import ASGIRequest
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from chat.access.authentication import caller_from_scope
from chat.database import run_in_db


@csrf_exempt
async def me(request: ASGIRequest) -> JsonResponse:
    """Who asks, in the form of a GraphQL response."""
    caller = await run_in_db(caller_from_scope, request.scope)
    return JsonResponse({"data": {"me": {"id": str(caller.user.pk)} if caller else None}})


urlpatterns = [path("graphql", me)]
