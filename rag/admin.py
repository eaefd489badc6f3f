"""Admin pages. What is derived from documents or recorded about answers can be looked at, not edited."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from rag import models
from rag.actions.documents import remove_documents, retry_documents
from rag.answering.served import is_as_served, served_text, with_chunks
from rag.embeddings import admin as embedding_admin  # noqa: F401  registers its own pages
from rag.evaluation import admin as evaluation_admin  # noqa: F401  likewise
from rag.money import admin as money_admin  # noqa: F401  likewise
from rag.read_only_admin import ReadOnlyAdmin


def rounded(name: str, digits: int) -> Callable[[Any], str]:
    """A column or read-only field that shows the float `name` with so many digits after the point."""

    @admin.display(description=name.replace("_", " "), ordering=name)
    def column(row: Any) -> str:
        value = getattr(row, name)
        return "-" if value is None else f"{value:.{digits}f}"

    return column


# Any: the stubs know only names of fields here.
SCORES: Any = tuple(rounded(name, 3) for name in ("score", "cosine", "bm25"))
TIMES: Any = tuple(rounded(name, 0) for name in ("search_ms", "first_delta_ms"))


class CollectionShareInline(admin.TabularInline):
    model = models.CollectionShare
    autocomplete_fields = ["room"]
    extra = 0


@admin.register(models.Collection)
class CollectionAdmin(admin.ModelAdmin):
    list_display = ["name", "owner", "everyone", "home_room", "document_count", "created_at"]
    list_filter = ["everyone", "created_at"]
    list_select_related = ["owner", "home_room"]
    search_fields = ["name", "description", "owner__username"]
    autocomplete_fields = ["owner", "home_room"]
    readonly_fields = ["created_at"]
    inlines = [CollectionShareInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.Collection]:
        return super().get_queryset(request).annotate(documents_in_all=Count("documents"))

    @admin.display(description="documents", ordering="documents_in_all")
    def document_count(self, collection: models.Collection) -> int:
        return collection.documents_in_all  # type: ignore[attr-defined]  # annotated above


@admin.register(models.CollectionShare)
class CollectionShareAdmin(admin.ModelAdmin):
    list_display = ["collection", "room"]
    list_select_related = ["collection", "room"]
    search_fields = ["collection__name", "room__name"]
    autocomplete_fields = ["collection", "room"]


@admin.register(models.Document)
class DocumentAdmin(ReadOnlyAdmin):
    list_display = [
        "title", "collection", "status", "error_code", "chunk_count", "embedded_count", "uploaded_by", "created_at",
    ]  # fmt: skip
    list_filter = ["status", "error_code", "media_type", "collection", "created_at"]
    list_select_related = ["collection", "uploaded_by"]
    search_fields = ["title", "filename", "source", "sha256"]
    actions = ["retry_failed", "delete_with_chunks"]

    @admin.action(description="Process failed documents again", permissions=["change_documents"])
    def retry_failed(self, request: HttpRequest, documents: QuerySet[models.Document]) -> None:
        count = retry_documents(documents.values_list("pk", flat=True))
        self.message_user(request, f"{count} failed documents are queued again.", messages.SUCCESS)

    @admin.action(description="Delete documents with passages and files", permissions=["change_documents"])
    def delete_with_chunks(self, request: HttpRequest, documents: QuerySet[models.Document]) -> None:
        count = remove_documents(documents.values_list("pk", flat=True))
        self.message_user(request, f"{count} documents were deleted.", messages.SUCCESS)

    def has_change_documents_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("rag.change_document")


@admin.register(models.WebPage)
class WebPageAdmin(ReadOnlyAdmin):
    list_display = ["url", "collection", "check_every_hours", "checked_at", "next_check_at", "error_code"]
    list_select_related = ["collection"]
    list_filter = ["error_code", "collection"]
    search_fields = ["url", "title"]


@admin.register(models.DocumentText)
class DocumentTextAdmin(ReadOnlyAdmin):
    list_display = ["document"]
    list_select_related = ["document"]
    search_fields = ["document__title"]


@admin.register(models.Chunk)
class ChunkAdmin(ReadOnlyAdmin):
    list_display = ["document", "ordinal", "page", "heading", "beginning"]
    list_select_related = ["document"]
    list_filter = ["document__collection"]
    search_fields = ["document__title", "heading"]
    show_full_result_count = False

    @admin.display(description="text")
    def beginning(self, chunk: models.Chunk) -> str:
        return chunk.text[:80]


@admin.register(models.Lexeme)
class LexemeAdmin(ReadOnlyAdmin):
    list_display = ["lexeme", "frequency"]
    search_fields = ["lexeme__startswith"]
    show_full_result_count = False


@admin.register(models.LexicalVector)
class LexicalVectorAdmin(ReadOnlyAdmin):
    list_display = ["chunk", "collection"]
    list_select_related = ["chunk", "collection"]
    list_filter = ["collection"]
    search_fields = ["chunk__document__title"]
    exclude = ["weights"]
    readonly_fields = ["terms"]
    show_full_result_count = False

    @admin.display(description="terms in the chunk")
    def terms(self, vector: models.LexicalVector) -> int:
        return len(vector.weights.indices())

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.LexicalVector]:
        queryset = super().get_queryset(request)
        is_list = request.resolver_match is not None and "changelist" in str(request.resolver_match.url_name)
        return queryset.defer("weights") if is_list else queryset


@admin.register(models.CollectionStatistic)
class CollectionStatisticAdmin(ReadOnlyAdmin):
    list_display = ["collection", "chunk_count"]
    list_select_related = ["collection"]
    search_fields = ["collection__name"]


@admin.register(models.ReplacedDocument)
class ReplacedDocumentAdmin(ReadOnlyAdmin):
    list_display = ["document_id", "successor", "replaced_at"]
    list_select_related = ["successor"]
    search_fields = ["document_id", "successor__title"]


@admin.register(models.CorpusStatistic)
class CorpusStatisticAdmin(ReadOnlyAdmin):
    list_display = ["id", "chunk_count", "average_length"]


@admin.register(models.PromptTemplate)
class PromptTemplateAdmin(admin.ModelAdmin):
    """A version is followed by the next, never changed: answers refer to it."""

    list_display = ["name", "version", "created_at"]
    list_filter = ["name", "created_at"]
    search_fields = ["name", "persona", "rules"]
    readonly_fields = ["created_at"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(models.LanguageModel)
class LanguageModelAdmin(admin.ModelAdmin):
    list_display = ["name", "position", "enabled", "max_output_tokens", "input_price", "output_price"]
    list_editable = ["position", "enabled"]
    list_filter = ["enabled"]
    search_fields = ["name"]


class AnswerPassageInline(admin.TabularInline):
    model = models.AnswerPassage
    fields = readonly_fields = ("rank", "chunk", "passage", "cited", *SCORES, "text_sha256")
    extra = max_num = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.AnswerPassage]:
        return with_chunks(super().get_queryset(request).select_related("chunk").order_by("rank"))

    @admin.display(description="words served")
    def passage(self, served: models.AnswerPassage) -> str:
        """All chunks of it; says so where they are not what the model was given any more."""
        if not (text := served_text(served)):
            return "Gone with its document."
        return text if is_as_served(served) else f"(Changed since.) {text}"


class AnswerAttemptInline(admin.TabularInline):
    model = models.AnswerAttempt
    fields = readonly_fields = (
        "number", "begun_at", "finished_at", "model", "parameters", "input_tokens", "output_tokens",
        "cache_write_tokens", "cache_read_tokens", "cost", "stop_reason", *TIMES, "error_code",
    )  # fmt: skip
    ordering = ("number",)
    extra = max_num = 0
    can_delete = False


class AnswerRatingInline(admin.TabularInline):
    model = models.AnswerRating
    fields = readonly_fields = ("user", "helpful", "reason", "attempt", "rated_at")
    extra = max_num = 0
    can_delete = False


@admin.register(models.Answer)
class AnswerAdmin(ReadOnlyAdmin):
    """One page per answer with everything it rests on."""

    list_display = ["id", "asked_by", "assistant", "model", "stop_reason", "cost", TIMES[0], "created_at"]
    list_filter = ["model", "stop_reason", ("assistant", admin.RelatedOnlyFieldListFilter), "created_at"]
    list_select_related = ["asked_by", "assistant"]
    search_fields = ["asked_by__username", "model", "question__text"]
    exclude = ["search_ms", "first_delta_ms"]
    readonly_fields = TIMES
    inlines = [AnswerAttemptInline, AnswerPassageInline, AnswerRatingInline]


@admin.register(models.AnswerPassage)
class AnswerPassageAdmin(ReadOnlyAdmin):
    list_display = ["answer", "rank", "chunk", SCORES[0], "cited"]
    exclude = ["score", "cosine", "bm25"]
    readonly_fields = SCORES
    list_select_related = ["answer", "chunk"]
    list_filter = ["cited"]
    search_fields = ["text_sha256"]


@admin.register(models.AnswerAttempt)
class AnswerAttemptAdmin(ReadOnlyAdmin):
    list_display = [
        "answer",
        "number",
        "model",
        "stop_reason",
        "error_code",
        "cost",
        "begun_at",
        "finished_at",
    ]
    list_select_related = ["answer"]
    list_filter = ["model", "stop_reason", "error_code", "begun_at"]
    exclude = ["search_ms", "first_delta_ms"]
    readonly_fields = TIMES
    search_fields = ["model", "error_code"]
