"""Addresses of the pages, the token endpoints and the admin. `/graphql` and `/socket.io/` are routed in `asgi`."""

from django.contrib import admin
from django.urls import include, path, re_path

from chat.access.tokens import RefreshView, RevokeView, SignInView
from project import health

urlpatterns = [
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", health.metrics),
    path("admin/", admin.site.urls),
    # With and without the slash: a redirect would lose the body of a POST.
    re_path(r"^api/token/?$", SignInView.as_view()),
    re_path(r"^api/token/refresh/?$", RefreshView.as_view()),
    re_path(r"^api/token/revoke/?$", RevokeView.as_view()),
    path("", include("chat.urls")),
    path("", include("rag.urls")),
    path("", include("gql.urls")),
]
