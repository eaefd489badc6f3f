"""Admin pages of collections and documents. What is derived from documents can be looked at, not edited."""

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from rag import models
from rag.actions.documents import remove_documents, retry_documents
from rag.answering import admin as answer_admin  # noqa: F401  registers its own pages
from rag.embeddings import admin as embedding_admin  # noqa: F401  likewise
from rag.evaluation import admin as evaluation_admin  # noqa: F401  likewise
from rag.money import admin as money_admin  # noqa: F401  likewise
from rag.problems import admin as problem_admin  # noqa: F401  likewise
from rag.read_only_admin import ReadOnlyAdmin


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
        "short_title", "collection", "status", "error_code", "size", "passages", "embedded_count", "uploaded_by",
        "created_at",
    ]  # fmt: skip
    list_filter = [
        "status",
        "error_code",
        "language",
        "lexical_version",
        "media_type",
        "collection",
        "created_at",
    ]
    list_select_related = ["collection", "uploaded_by"]
    search_fields = ["title", "filename", "source", "sha256"]
    date_hierarchy = "created_at"
    exclude = ["file", "chunk_count"]
    readonly_fields = ["passages"]
    actions = ["retry_failed", "delete_with_chunks"]

    @admin.display(description="title", ordering="title")
    def short_title(self, document: models.Document) -> str:
        return Truncator(document.title).chars(60)

    @admin.display(description="size", ordering="size_bytes")
    def size(self, document: models.Document) -> str:
        return filesizeformat(document.size_bytes)

    @admin.display(description="passages", ordering="chunk_count")
    def passages(self, document: models.Document) -> SafeString | int:
        address = f"{reverse('admin:rag_chunk_changelist')}?document__id__exact={document.pk}"
        return (
            format_html('<a href="{}">{}</a>', address, document.chunk_count) if document.chunk_count else 0
        )

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
    ordering = ["document", "ordinal"]
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
