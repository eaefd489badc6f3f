"""Admin pages of golden questions and evaluations. Registered by rag/admin.py."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.views.decorators.http import require_POST

from chat.errors import Conflict
from rag.actions.evaluation import accept_questions, make_golden_question, start_evaluation
from rag.evaluation.models import (
    EvaluationResult,
    EvaluationRun,
    GoldenDocument,
    GoldenQuestion,
    GoldenSet,
)
from rag.evaluation.report import compare_runs, run_before, texts_of
from rag.models import AnswerRating
from rag.read_only_admin import ReadOnlyAdmin, may_read_everything, may_read_messages, rounded

_RUNS_TO_CHOOSE_FROM = 50


def score(name: str, label: str) -> Any:
    """A column that shows the measure `name` with three digits."""

    @admin.display(description=label, ordering=name)
    def column(row: Any) -> str:
        value = getattr(row, name)
        return "-" if value is None else f"{value:.3f}"

    return column


# Any: the stubs know only names of fields here.
SCORES: Any = (score("ndcg", "nDCG@10"), score("recall", "recall"), score("mrr", "MRR"))
SEARCH_MS: Any = rounded("search_ms", 0)


class AsksAsAnybody(admin.ModelAdmin):
    """What searches as any user, or shows what was found so, needs the permission that opens every passage.

    As the retrieval lab does (project/retrieval_lab.py).
    """

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may_read_everything(request) and super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_read_everything(request) and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may_read_everything(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_read_everything(request) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_read_everything(request) and super().has_delete_permission(request, obj)


@admin.register(GoldenSet)
class GoldenSetAdmin(AsksAsAnybody):
    list_display = ["name", "accepted", "candidates", "last_run", "created_at"]
    search_fields = ["name", "description"]
    readonly_fields = ["created_at"]
    actions = ["evaluate"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[GoldenSet]:
        accepted = Count("questions", filter=Q(questions__accepted=True))
        runs = EvaluationRun.objects.filter(golden_set=OuterRef("pk")).order_by("-pk")
        return (
            super()
            .get_queryset(request)
            .annotate(
                in_all=Count("questions"),
                in_runs=accepted,
                last_id=Subquery(runs.values("pk")[:1]),
                last_status=Subquery(runs.values("status")[:1]),
                last_ndcg=Subquery(runs.values("ndcg")[:1]),
            )
        )

    @admin.display(description="questions")
    def accepted(self, golden_set: Any) -> int:
        return int(golden_set.in_runs)

    @admin.display(description="candidates")
    def candidates(self, golden_set: Any) -> SafeString | int:
        count = golden_set.in_all - golden_set.in_runs
        address = reverse("admin:rag_goldenquestion_changelist")
        query = f"?golden_set__id__exact={golden_set.pk}&accepted__exact=0"
        return format_html('<a href="{}">{}</a>', address + query, count) if count else 0

    @admin.display(description="last run")
    def last_run(self, golden_set: Any) -> SafeString | str:
        if golden_set.last_id is None:
            return "-"
        status = EvaluationRun.Status(golden_set.last_status).label
        text = status if golden_set.last_ndcg is None else f"nDCG@10 {golden_set.last_ndcg:.3f}"
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:rag_evaluationrun_change", args=[golden_set.last_id]), text
        )

    @admin.action(description="Evaluate the search with these sets", permissions=["evaluate"])
    def evaluate(self, request: HttpRequest, sets: QuerySet[GoldenSet]) -> HttpResponse | None:
        runs = []
        for golden_set in sets:
            try:
                runs.append(start_evaluation(request.user, set_id=golden_set.pk))  # type: ignore[arg-type]  # signed in
            except Conflict as error:
                self.message_user(request, f"{golden_set}: {error.message}", messages.WARNING)
        if not runs:
            return None
        self.message_user(request, f"{len(runs)} begun.", messages.SUCCESS)
        return HttpResponseRedirect(
            _page_of(runs[0]) if len(runs) == 1 else reverse("admin:rag_evaluationrun_changelist")
        )

    def has_evaluate_permission(self, request: HttpRequest) -> bool:
        return may_read_everything(request) and request.user.has_perm("rag.add_evaluationrun")


class GoldenDocumentInline(admin.TabularInline):
    model = GoldenDocument
    verbose_name, verbose_name_plural = "relevant document", "relevant documents"
    fields = ["document", "grade"]
    autocomplete_fields = ["document"]
    extra = 1


@admin.register(GoldenQuestion)
class GoldenQuestionAdmin(AsksAsAnybody):
    """Candidates come from ratings; whoever knows the answer puts their documents right and accepts them."""

    list_display = ["question", "accepted", "documents", "asked_by", "golden_set"]
    list_filter = ["golden_set", "accepted", "created_at"]
    list_select_related = ["golden_set", "asked_by"]
    search_fields = ["text", "note", "asked_by__username"]
    autocomplete_fields = ["golden_set", "asked_by"]
    fields = ["text", "asked_by", "golden_set", "accepted", "note", "answer"]
    readonly_fields = ["answer"]
    inlines = [GoldenDocumentInline]
    actions = ["accept", "set_aside"]

    class Media:
        css = {"all": ["rag/evaluation.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[GoldenQuestion]:
        return super().get_queryset(request).annotate(known=Count("relevant"))

    @admin.display(description="question", ordering="text")
    def question(self, question: GoldenQuestion) -> SafeString:
        return format_html('<span class="evaluation-wide">{}</span>', Truncator(question.text).chars(120))

    @admin.display(description="documents", ordering="known")
    def documents(self, question: Any) -> int:
        return int(question.known)

    @admin.display(description="rated answer")
    def answer(self, question: GoldenQuestion) -> SafeString | str:
        if question.rating is None:
            return "-"
        address = reverse("admin:rag_answer_change", args=[question.rating.answer_id])
        return format_html('<a href="{}">answer {}</a>', address, question.rating.answer_id)

    @admin.action(description="Accept: runs ask these questions", permissions=["change"])
    def accept(self, request: HttpRequest, questions: QuerySet[GoldenQuestion]) -> None:
        count = accept_questions(_by_id(questions), accepted=True)
        self.message_user(request, f"{count} questions were accepted.", messages.SUCCESS)

    @admin.action(description="Set aside: runs ask them no more", permissions=["change"])
    def set_aside(self, request: HttpRequest, questions: QuerySet[GoldenQuestion]) -> None:
        count = accept_questions(_by_id(questions), accepted=False)
        self.message_user(request, f"{count} questions were set aside.", messages.SUCCESS)


@admin.register(GoldenDocument)
class GoldenDocumentAdmin(ReadOnlyAdmin, AsksAsAnybody):
    list_display = ["question", "title", "collection", "grade", "document"]
    list_select_related = ["question", "collection", "document"]
    search_fields = ["title", "question__text"]


@admin.register(EvaluationRun)
class EvaluationRunAdmin(ReadOnlyAdmin, AsksAsAnybody):
    """Its page shows each question, and what changed since another run."""

    list_display = ["run", "golden_set", *SCORES, "progress", "note", "created_at"]
    list_filter = ["golden_set", "status"]
    list_select_related = ["golden_set"]
    search_fields = ["note", "golden_set__name"]
    ordering = ["-pk"]
    change_form_template = "admin/rag/evaluationrun/change_form.html"

    @admin.display(description="run", ordering="pk")
    def run(self, run: EvaluationRun) -> str:
        return f"Run {run.pk}"

    @admin.display(description="state", ordering="status")
    def progress(self, run: EvaluationRun) -> str:
        return f"{run.get_status_display()}, {run.done_count} of {run.question_count}"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        run = self.get_object(request, unquote(object_id))
        context = {} if run is None else _what_a_run_shows(run, request.GET.get("against"))
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))


def _what_a_run_shows(run: EvaluationRun, against: str | None) -> dict[str, Any]:
    """The run's page: its questions, the worst first, and the comparison with the run asked for, or the one before."""
    others = EvaluationRun.objects.filter(golden_set=run.golden_set_id, status=EvaluationRun.Status.DONE)
    others = others.exclude(pk=run.pk).select_related("golden_set").order_by("-pk")
    before = run_before(run)
    if against and against.isascii() and against.isdecimal() and len(against) < 19:  # a bigint
        before = others.filter(pk=against).first()
    comparison = None
    if before is not None and run.status == EvaluationRun.Status.DONE:
        comparison = compare_runs(before, run)
    texts = texts_of(before, run) if before is not None else {}
    return {
        "run": run,
        "configuration": [
            (name.replace("_", " "), value) for name, value in sorted(run.configuration.items())
        ],
        "results": run.results.select_related("question").order_by("ndcg", "pk"),
        "before": before,
        "others": others[:_RUNS_TO_CHOOSE_FROM],
        "comparison": comparison,
        "changed": comparison
        and [
            (title, [(change, texts[change.question]) for change in changes])
            for title, changes in (("Better", comparison.better), ("Worse", comparison.worse))
        ],
    }


@admin.register(EvaluationResult)
class EvaluationResultAdmin(ReadOnlyAdmin, AsksAsAnybody):
    list_display = ["text", "run", "asked_as", *SCORES]
    list_filter = ["run__golden_set"]
    list_select_related = ["run__golden_set"]
    search_fields = ["text", "asked_as"]
    fields = readonly_fields = (
        "run", "question", "text", "asked_as", *SCORES, SEARCH_MS, "found_documents",
    )  # fmt: skip

    @admin.display(description="found")
    def found_documents(self, result: EvaluationResult) -> SafeString | str:
        lines = [
            f"{rank}. {row['title'] or row['id']} ({row['score']}{', relevant' if row['grade'] else ''})"
            for rank, row in enumerate(result.found, 1)
        ]
        return "\n".join(lines) or "nothing"


@admin.register(AnswerRating)
class AnswerRatingAdmin(ReadOnlyAdmin):
    """What readers think: the way from "not helpful" to the answer, its passages and its prompt, and to a test."""

    list_display = ["question", "helpful", "why", "golden", "user", "rated_at"]
    list_select_related = ["answer__question", "user", "golden_question"]
    readonly_fields = ["question", "rated_answer"]
    list_filter = [
        "helpful",
        "rated_at",
        "answer__model",
        ("answer__assistant", admin.RelatedOnlyFieldListFilter),
        ("answer__prompt", admin.RelatedOnlyFieldListFilter),
    ]
    search_fields = ["reason", "user__username"]
    date_hierarchy = "rated_at"
    change_form_template = "admin/rag/answerrating/change_form.html"
    change_list_template = "admin/rag/answerrating/change_list.html"

    class Media:
        css = {"all": ["rag/evaluation.css"]}

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return [_question_or(request, "answer"), *self.list_display[1:]]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        words = ["answer__question__text"] if may_read_messages(request) else []
        return [*self.search_fields, *words]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        rest = ["helpful", "reason", "user", "attempt", "rated_at"]
        return list(dict.fromkeys([_question_or(request, "rated_answer"), "rated_answer", *rest]))

    @admin.display(description="question", ordering="answer__question__text")
    def question(self, rating: AnswerRating) -> SafeString:
        text = Truncator(rating.answer.question.text).chars(120)
        return format_html('<span class="evaluation-wide">{}</span>', text)

    @admin.display(description="why")
    def why(self, rating: AnswerRating) -> SafeString | str:
        if not rating.reason:
            return "-"
        return format_html('<span class="evaluation-wide">{}</span>', Truncator(rating.reason).chars(200))

    @admin.display(description="answer")
    def rated_answer(self, rating: AnswerRating) -> SafeString:
        address = reverse("admin:rag_answer_change", args=[rating.answer_id])
        return format_html('<a href="{}">{}</a>', address, rating.answer)

    @admin.display(description="golden question")
    def golden(self, rating: AnswerRating) -> SafeString:
        made = getattr(rating, "golden_question", None)
        if made is not None:
            address = reverse("admin:rag_goldenquestion_change", args=[made.pk])
            return format_html('<a href="{}">{}</a>', address, "accepted" if made.accepted else "candidate")
        # Sent by the form of change_list.html: a list cannot hold forms of its own.
        return format_html(
            '<button class="button evaluation-button" form="golden-form" formaction="{}">Make one</button>',
            reverse("admin:rag_answerrating_golden", args=[rating.pk]),
        )

    def get_urls(self) -> list[Any]:
        make = self.admin_site.admin_view(require_POST(self.make_golden))
        return [path("<int:rating_id>/golden/", make, name="rag_answerrating_golden"), *super().get_urls()]

    def make_golden(self, request: HttpRequest, rating_id: int) -> HttpResponse:
        """One click: the candidate, open to be put right."""
        if not (may_read_everything(request) and request.user.has_perm("rag.add_goldenquestion")):
            raise PermissionDenied
        try:
            made = make_golden_question(rating_id)
        except AnswerRating.DoesNotExist:
            raise Http404 from None
        self.message_user(request, "Check which documents answer it, then accept it.", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:rag_goldenquestion_change", args=[made.pk]))


def _question_or(request: HttpRequest, otherwise: str) -> str:
    return "question" if may_read_messages(request) else otherwise


def _page_of(run: EvaluationRun) -> str:
    return reverse("admin:rag_evaluationrun_change", args=[run.pk])


def _by_id(questions: QuerySet[GoldenQuestion]) -> QuerySet[GoldenQuestion]:
    """The same rows without annotations, which an update cannot have."""
    return GoldenQuestion.objects.filter(pk__in=list(questions.values_list("pk", flat=True)))
