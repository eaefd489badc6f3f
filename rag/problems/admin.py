"""The admin page of failures."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from rag.models import Problem
from rag.problems.corrections import correction_of
from rag.problems.lines import lines


@admin.register(Problem)
class ProblemAdmin(admin.ModelAdmin):
    """What failed and how to correct it. Corrections and advice are written here, the rest by the program."""

    list_display = ["last_seen", "category", "code", "place", "what", "how", "count"]
    list_display_links = ["code", "what"]
    list_filter = ["category", "code", "last_seen"]
    search_fields = ["code", "place", "what", "correction"]
    date_hierarchy = "last_seen"
    fields = [
        "category", "code", "place", "what", "how", "correction", "advice", "count", "first_seen", "last_seen",
    ]  # fmt: skip
    readonly_fields = ["category", "code", "place", "what", "how", "count", "first_seen", "last_seen"]
    actions = ["export_lines"]

    @admin.display(description="how to correct it")
    def how(self, problem: Problem) -> str:
        return correction_of(problem.code, problem.correction)

    @admin.action(description="Download as lines", permissions=["view"])
    def export_lines(self, request: HttpRequest, problems: QuerySet[Problem]) -> HttpResponse:
        text = "".join(f"{line}\n" for line in lines(problems))
        response = HttpResponse(text, content_type="text/plain; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="problems.txt"'
        return response

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
