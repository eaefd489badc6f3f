"""Admin pages of answers and what they rest on, of prompts and of language models. Registered by rag/admin.py."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from rag import models
from rag.answering.served import is_as_served, served_text, with_chunks
from rag.read_only_admin import ReadOnlyAdmin, may_read_everything, may_read_messages, rounded

# Any: the stubs know only names of fields here.
SCORES: Any = tuple(rounded(name, 3) for name in ("score", "cosine", "bm25"))
TIMES: Any = tuple(rounded(name, 0) for name in ("search_ms", "first_delta_ms"))


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
    list_display = [
        "name", "position", "enabled", "endpoint", "at_once", "max_output_tokens", "input_price", "output_price",
    ]  # fmt: skip
    list_editable = ["position", "enabled"]
    list_filter = ["enabled", "endpoint"]
    search_fields = ["name"]


class AnswerPassageInline(admin.TabularInline):
    model = models.AnswerPassage
    readonly_fields = ("rank", "chunk", "document", "passage", "cited", *SCORES, "text_sha256")
    extra = max_num = 0
    can_delete = False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The words served, and what they are of, for those alone who may read any passage."""
        hidden = () if may_read_everything(request) else ("document", "passage")
        return [name for name in self.readonly_fields if name not in hidden]

    def get_queryset(self, request: HttpRequest) -> QuerySet[models.AnswerPassage]:
        return with_chunks(super().get_queryset(request).select_related("chunk__document").order_by("rank"))

    @admin.display(description="document")
    def document(self, served: models.AnswerPassage) -> SafeString | str:
        return document_of(served)

    @admin.display(description="words served")
    def passage(self, served: models.AnswerPassage) -> SafeString | str:
        """All chunks of it; says so where they are not what the model was given any more."""
        if not (text := served_text(served)):
            return "Gone with its document."
        note = "" if is_as_served(served) else "(Changed since.) "
        return format_html('<span class="served-words">{}{}</span>', note, text)


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


def document_of(served: models.AnswerPassage) -> SafeString | str:
    """A link to the document in the admin; its collection may be closed to the admin elsewhere."""
    if served.chunk is None:
        return "-"
    address = reverse("admin:rag_document_change", args=[served.chunk.document_id])
    return format_html('<a href="{}">{}</a>', address, served.chunk.document)


@admin.register(models.Answer)
class AnswerAdmin(ReadOnlyAdmin):
    """One page per answer with everything it rests on."""

    list_display = [
        "id", "asked", "asked_by", "assistant", "model", "stop_reason", "cost", TIMES[0], "created_at",
    ]  # fmt: skip
    list_filter = ["model", "stop_reason", ("assistant", admin.RelatedOnlyFieldListFilter), "created_at"]
    list_select_related = ["asked_by", "assistant", "question"]
    search_fields = ["asked_by__username", "model"]
    date_hierarchy = "created_at"
    readonly_fields = TIMES
    inlines = [AnswerAttemptInline, AnswerPassageInline, AnswerRatingInline]

    class Media:
        css = {"all": ["rag/evaluation.css"]}

    @admin.display(description="question", ordering="question__text")
    def asked(self, answer: models.Answer) -> SafeString:
        text = Truncator(answer.question.text).chars(80)
        return format_html('<span class="evaluation-wide">{}</span>', text)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        shown = [name for name in self.list_display if name != "asked"]
        return list(self.list_display) if may_read_messages(request) else shown

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        words = ["question__text"] if may_read_messages(request) else []
        return [*self.search_fields, *words]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A message is shown by its first words."""
        messages = [] if may_read_messages(request) else ["question", "message"]
        return ["search_ms", "first_delta_ms", *messages]


@admin.register(models.AnswerPassage)
class AnswerPassageAdmin(ReadOnlyAdmin):
    list_display = ["answer", "rank", "chunk", "document", SCORES[0], "cited"]
    exclude = ["score", "cosine", "bm25"]
    readonly_fields = SCORES
    list_select_related = ["answer", "chunk__document"]
    list_filter = ["cited"]
    search_fields = ["text_sha256"]

    @admin.display(description="document", ordering="chunk__document__title")
    def document(self, served: models.AnswerPassage) -> SafeString | str:
        return document_of(served)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        hidden = () if may_read_everything(request) else ("document",)
        return [name for name in self.list_display if name not in hidden]


@admin.register(models.AnswerAttempt)
class AnswerAttemptAdmin(ReadOnlyAdmin):
    list_display = [
        "answer", "number", "model", "stop_reason", "error_code", "cost", "begun_at", "finished_at",
    ]  # fmt: skip
    list_select_related = ["answer"]
    list_filter = ["model", "stop_reason", "error_code", "begun_at"]
    exclude = ["search_ms", "first_delta_ms"]
    readonly_fields = TIMES
    search_fields = ["model", "error_code"]
