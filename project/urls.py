"""Addresses of the pages, the token endpoints and the admin. `/graphql` and `/socket.io/` are routed in `asgi`."""

from django.contrib import admin
from django.urls import include, path
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from chat.access.tokens import RevokeView
from project import health

urlpatterns = [
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", health.metrics),
    path("admin/", admin.site.urls),
    path("api/token/", TokenObtainPairView.as_view()),
    path("api/token/refresh/", TokenRefreshView.as_view()),
    path("api/token/revoke/", RevokeView.as_view()),
    path("", include("chat.urls")),
    path("", include("rag.urls")),
    path("", include("gql.urls")),
]
