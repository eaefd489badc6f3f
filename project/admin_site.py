"""The admin under Parley's name, with a live page, and with the tables that only search itself reads and writes in a
group of their own."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest, HttpResponse
from django.urls import path

INTERNALS = frozenset(
    (
        "Lexeme",
        "LexicalVector",
        "CorpusStatistic",
        "CollectionStatistic",
        "Embedding",
        "DocumentText",
        "ReplacedDocument",
    )
)


class ParleyAdminSite(AdminSite):
    """Lists every model; those of `INTERNALS` last."""

    site_header = "Parley administration"
    site_title = "Parley administration"
    index_title = "Administration"

    def get_urls(self) -> list[Any]:
        from project.live import live_page  # these import models, which are there only now
        from project.retrieval_lab import lab_page

        def live(request: HttpRequest) -> HttpResponse:
            return live_page(request, self)

        def lab(request: HttpRequest) -> HttpResponse:
            return lab_page(request, self)

        own = [
            path("live/", self.admin_view(live), name="live"),
            path("retrieval-lab/", self.admin_view(lab), name="retrieval-lab"),
        ]
        return [*own, *super().get_urls()]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps: list[Any] = []
        for app in super().get_app_list(request, app_label):
            internals = [model for model in app["models"] if model["object_name"] in INTERNALS]
            others = [model for model in app["models"] if model["object_name"] not in INTERNALS]
            apps.append({**app, "models": others})
            if internals:
                apps.append({**app, "name": "Internals", "app_label": "internals", "models": internals})
        return sorted((app for app in apps if app["models"]), key=lambda app: app["app_label"] == "internals")


class ParleyAdminConfig(AdminConfig):
    """`django.contrib.admin` with that site."""

    default_site = "project.admin_site.ParleyAdminSite"
