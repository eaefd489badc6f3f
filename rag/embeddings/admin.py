"""Admin pages of embedding models and their vectors."""

from datetime import datetime
from decimal import Decimal

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

from rag.actions import embedding_models
from rag.embeddings.progress import embedding_costs, embedding_progress
from rag.models import Embedding, EmbeddingModel, EmbeddingUsage
from rag.read_only_admin import ReadOnlyAdmin


@admin.register(EmbeddingModel)
class EmbeddingModelAdmin(ReadOnlyAdmin):
    """Which model answers, how far the next one is, and what may go."""

    list_display = ["name", "state", "vectors", "dimensions", "since", "spent", "problem"]
    search_fields = ["name"]
    readonly_fields = [
        "name", "dimensions", "active", "api", "url", "building_since", "problem", "retired_at", "created_at",
    ]  # fmt: skip
    actions = ["answer_now", "drop_now"]

    @admin.display(description="state")
    def state(self, model: EmbeddingModel) -> str:
        return model.state

    @admin.display(description="since")
    def since(self, model: EmbeddingModel) -> datetime | None:
        return model.building_since or model.retired_at

    @admin.display(description="vectors")
    def vectors(self, model: EmbeddingModel) -> str:
        return getattr(model, "progress", "-")

    @admin.display(description="USD, 30 days")
    def spent(self, model: EmbeddingModel) -> str:
        return f"{getattr(model, 'cost', 0):.4f}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[EmbeddingModel]:
        return super().get_queryset(request).order_by("-active", "building_since", "-retired_at", "name")

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        progress = {found.model.pk: str(found) for found in embedding_progress()}
        costs = embedding_costs(days=30)
        for model in changelist.result_list:
            model.cost = costs.get(model.name, Decimal(0))
            model.progress = progress.get(model.pk, "-")  # counted once for the page, not for each row
        return changelist

    @admin.action(
        description="Let the model that is being built answer now",
        permissions=["change_models"],
    )
    def answer_now(self, request: HttpRequest, models: QuerySet[EmbeddingModel]) -> None:
        building = models.filter(building_since__isnull=False).first()
        if building is None:
            self.message_user(request, "None of these is being built.", messages.WARNING)
            return
        embedding_models.use_embedding_model(building.name, building.dimensions)
        self.message_user(
            request,
            f"{building} answers from now on. What has no vector of it yet is found by its words.",
            messages.SUCCESS,
        )

    @admin.action(description="Drop retired models with their vectors", permissions=["change_models"])
    def drop_now(self, request: HttpRequest, models: QuerySet[EmbeddingModel]) -> None:
        count = embedding_models.give_up_retired(models.values_list("pk", flat=True))
        self.message_user(
            request,
            f"{count} models and their vectors will be gone in a moment."
            if count
            else "None of these has been retired for a minute: searches may still read their vectors.",
            messages.SUCCESS if count else messages.WARNING,
        )

    def has_change_permission(self, request: HttpRequest, obj: EmbeddingModel | None = None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)  # of its price

    def has_change_models_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("rag.change_embeddingmodel")


@admin.register(Embedding)
class EmbeddingAdmin(ReadOnlyAdmin):
    list_display = ["chunk", "model", "collection"]
    list_select_related = ["chunk", "model", "collection"]
    list_filter = ["model", "collection"]
    search_fields = ["chunk__document__title"]
    exclude = ["vector"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Embedding]:
        return super().get_queryset(request).defer("vector")


@admin.register(EmbeddingUsage)
class EmbeddingUsageAdmin(ReadOnlyAdmin):
    list_display = ["at", "model", "is_question", "texts", "tokens", "price", "cost"]
    list_filter = ["model", "is_question"]
    search_fields = ["model"]
    date_hierarchy = "at"
    show_full_result_count = False
