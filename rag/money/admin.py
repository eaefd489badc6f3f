"""Admin pages of budgets and of the ledger of calls."""

from datetime import UTC, datetime
from decimal import Decimal

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.html import format_html

from rag.models import Budget, BudgetPeriod, ModelCall, Reservation
from rag.money.export import calls_as_csv
from rag.money.periods import first_day
from rag.read_only_admin import ReadOnlyAdmin


@admin.register(Budget)
class BudgetAdmin(admin.ModelAdmin):
    """What may be spent, and how much of it has been."""

    list_display = ["scope", "named", "period", "limit", "spent", "reserved", "used"]
    list_display_links = ["scope", "named"]
    list_filter = ["scope", "period"]
    list_select_related = ["user", "group", "room", "assistant"]
    search_fields = ["user__username", "group__name", "room__name", "assistant__username"]
    autocomplete_fields = ["user", "group", "room", "assistant"]
    fieldsets = [
        (None, {"fields": ["scope", "period", "limit"]}),
        (
            "Of whom or what",
            {
                "fields": ["user", "group", "room", "assistant"],
                "description": "Choose the one that the scope names; none for everything or each user.",
            },
        ),
    ]

    @admin.display(description="of")
    def named(self, budget: Budget) -> str:
        return str(budget.user or budget.group or budget.room or budget.assistant or "-")

    @admin.display(description="spent, USD")
    def spent(self, budget: Budget) -> str:
        return f"{_current(budget)[0]:.4f}"

    @admin.display(description="reserved, USD")
    def reserved(self, budget: Budget) -> str:
        return f"{_current(budget)[1]:.4f}"

    @admin.display(description="used")
    def used(self, budget: Budget) -> str:
        """How much of the limit; of budgets of each user, who has used most."""
        most = _current(budget)[2]
        share = 100 if not budget.limit else min(999, round(100 * most / budget.limit))
        mark = "full" if share >= 100 else "high" if share >= 80 else "fine"
        return format_html(
            '<meter min="0" max="100" low="80" high="99.5" optimum="0" value="{}" title="{}"></meter> {}&thinsp;%',
            share,
            mark,
            share,
        )

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        today = datetime.now(UTC).date()
        starts = {period: first_day(period, today) for period in Budget.Period.values}
        which = Q()
        for period, start in starts.items():
            which |= Q(budget__period=period, starts_on=start)
        found: dict[int, list[BudgetPeriod]] = {}
        for row in BudgetPeriod.objects.filter(which, budget__in=changelist.result_list):
            found.setdefault(row.budget_id, []).append(row)
        for budget in changelist.result_list:
            rows = found.get(budget.pk, [])
            budget.current = (
                sum((row.spent for row in rows), Decimal(0)),
                sum((row.reserved for row in rows), Decimal(0)),
                max((row.spent + row.reserved for row in rows), default=Decimal(0)),
            )
        return changelist


def _current(budget: Budget) -> tuple[Decimal, Decimal, Decimal]:
    """Spent and reserved in the current period, and the most of both that one user has."""
    nothing = (Decimal(0), Decimal(0), Decimal(0))
    return getattr(budget, "current", nothing)  # set by the changelist


@admin.register(BudgetPeriod)
class BudgetPeriodAdmin(ReadOnlyAdmin):
    list_display = ["starts_on", "budget", "user", "spent", "reserved"]
    list_select_related = [
        "budget__user", "budget__group", "budget__room", "budget__assistant", "user",
    ]  # fmt: skip
    list_filter = ["budget__scope", "budget__period"]
    search_fields = ["user__username", "budget__user__username", "budget__room__name"]
    date_hierarchy = "starts_on"
    ordering = ["-starts_on", "budget"]


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    """Calls that are under way; closed ones stay for a day."""

    list_display = ["created_at", "asked", "amount", "lease_until", "closed_at"]
    list_filter = [("closed_at", admin.EmptyFieldListFilter)]
    ordering = ["-created_at"]

    @admin.display(description="model that is asked")
    def asked(self, reservation: Reservation) -> str:
        return reservation.call.get("model", "-")


@admin.register(ModelCall)
class ModelCallAdmin(ReadOnlyAdmin):
    """The ledger: every call of a language model."""

    list_display = [
        "begun_at", "purpose", "outcome", "model", "user", "room", "tokens_read", "output_tokens", "cost_usd",
    ]  # fmt: skip
    list_filter = ["purpose", "outcome", "model", "error_code", "begun_at"]
    list_select_related = ["user", "room"]
    search_fields = ["model", "user__username", "room__name", "error_code"]
    date_hierarchy = "begun_at"
    ordering = ["-begun_at", "-pk"]
    show_full_result_count = False
    actions = ["export_csv", "add_up"]

    @admin.display(description="tokens read")
    def tokens_read(self, call: ModelCall) -> int:
        return call.input_tokens + call.cache_write_tokens + call.cache_read_tokens

    @admin.display(description="cost, USD", ordering="cost")
    def cost_usd(self, call: ModelCall) -> str:
        return f"{'about ' if call.is_estimate else ''}{call.cost:.6f}"

    @admin.action(description="Download as CSV", permissions=["view"])
    def export_csv(self, request: HttpRequest, calls: QuerySet[ModelCall]) -> StreamingHttpResponse:
        return calls_as_csv(calls)

    @admin.action(description="Add up", permissions=["view"])
    def add_up(self, request: HttpRequest, calls: QuerySet[ModelCall]) -> None:
        total = calls.aggregate(cost=Sum("cost", default=Decimal(0)))["cost"]
        self.message_user(request, f"{calls.count()} calls: {total:.6f} USD.")
