"""The admin under Parley's name, with a live page, and with its many models in groups: last, as internals, the tables
that only search itself reads and writes."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest, HttpResponse
from django.urls import path

# Groups of their own, in this order behind the apps; what is named nowhere stays with its app.
GROUPS = {
    "Evaluation": ("GoldenSet", "GoldenQuestion", "GoldenDocument", "EvaluationRun", "EvaluationResult"),
    "Models and costs": (
        "LanguageModel", "PromptTemplate", "EmbeddingModel", "EmbeddingUsage",
        "Budget", "BudgetPeriod", "ModelCall", "Reservation", "Problem",
    ),
    "Internals": (
        "Lexeme", "LexicalVector", "CorpusStatistic", "CollectionStatistic", "Embedding", "DocumentText",
        "ReplacedDocument",
    ),
}  # fmt: skip
GROUP_OF = {model: group for group, models in GROUPS.items() for model in models}


class ParleyAdminSite(AdminSite):
    """Lists every model, in its group."""

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
        groups: list[Any] = []
        for app in super().get_app_list(request, app_label):
            models: dict[str, list[Any]] = {}
            for model in app["models"]:
                models.setdefault(GROUP_OF.get(model["object_name"], ""), []).append(model)
            if "" in models:
                apps.append({**app, "models": models[""]})
            groups += [
                {**app, "name": group, "app_label": group.lower().replace(" ", "-"), "models": models[group]}
                for group in GROUPS
                if group in models
            ]
        return apps + groups


class ParleyAdminConfig(AdminConfig):
    """`django.contrib.admin` with that site."""

    default_site = "project.admin_site.ParleyAdminSite"
