"""Addresses. The apps' own pages are in their `urls` modules; `/graphql` and `/socket.io/` are routed in `asgi`."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
]
