"""Budgets, what is reserved of them, and the ledger of calls. Imported by rag/models.py, where Django looks."""

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

if TYPE_CHECKING:
    from decimal import Decimal

USER = settings.AUTH_USER_MODEL


class MoneyField(models.DecimalField):
    """USD with ten digits: a token of a cheap model costs less than a millionth of a dollar."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **(kwargs | {"max_digits": 18, "decimal_places": 10}))


class Budget(models.Model):
    """USD that may be spent on models in each day or month of UTC, by one whom its scope names."""

    class Scope(models.TextChoices):
        EVERYTHING = "everything", "everything together"
        EACH_USER = "each_user", "each user by himself or herself"
        USER = "user", "one user"
        GROUP = "group", "all users of a group together"
        ROOM = "room", "what is asked in a room"
        ASSISTANT = "assistant", "what an assistant is asked"

    class Period(models.TextChoices):
        DAY = "day", "day"
        MONTH = "month", "month"

    scope = models.CharField(max_length=10, choices=Scope.choices)
    user = models.ForeignKey(USER, models.CASCADE, null=True, blank=True, related_name="budgets")
    group = models.ForeignKey(Group, models.CASCADE, null=True, blank=True, related_name="budgets")
    room = models.ForeignKey("chat.Room", models.CASCADE, null=True, blank=True, related_name="budgets")
    assistant = models.ForeignKey(
        USER,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="budgets_as_assistant",
        limit_choices_to={"is_bot": True},
    )
    period = models.CharField(max_length=5, choices=Period.choices, default=Period.MONTH)
    limit = models.DecimalField(max_digits=10, decimal_places=2, help_text="USD per period.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(limit__gte=0), name="budget_limit_not_negative"),
            models.CheckConstraint(
                condition=(
                    Q(scope__in=["everything", "each_user"], user=None, group=None, room=None, assistant=None)
                    | Q(scope="user", user__isnull=False, group=None, room=None, assistant=None)
                    | Q(scope="group", user=None, group__isnull=False, room=None, assistant=None)
                    | Q(scope="room", user=None, group=None, room__isnull=False, assistant=None)
                    | Q(scope="assistant", user=None, group=None, room=None, assistant__isnull=False)
                ),
                name="budget_of_what_its_scope_says",
                violation_error_message="Choose what the scope names, and nothing else.",
            ),
            models.UniqueConstraint(
                fields=["scope", "user", "group", "room", "assistant", "period"],
                nulls_distinct=False,
                name="budget_once",
                violation_error_message="There is a budget for that and this period already.",
            ),
        ]

    def __str__(self) -> str:
        named = self.user or self.group or self.room or self.assistant
        whose = f"{self.get_scope_display()}: {named}" if named else self.get_scope_display()
        return f"{self.limit} USD a {self.period} for {whose}"


class BudgetPeriod(models.Model):
    """One day or month of a budget: what has been spent, and what running calls may still come to."""

    budget = models.ForeignKey(Budget, models.CASCADE, related_name="periods", db_index=False)
    user = models.ForeignKey(
        USER, models.CASCADE, null=True, blank=True, related_name="+", help_text="Of a budget of each user."
    )
    starts_on = models.DateField()
    spent = MoneyField(default=0)
    reserved = MoneyField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["budget", "user", "starts_on"], nulls_distinct=False, name="budget_period_once"
            ),
            models.CheckConstraint(
                condition=Q(spent__gte=0, reserved__gte=0), name="budget_period_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.budget} from {self.starts_on}"

    @property
    def left(self) -> "Decimal":
        """USD that nobody has spent or reserved; negative if the limit was lowered since."""
        return self.budget.limit - self.spent - self.reserved


class Reservation(models.Model):
    """The worst case of a call that is under way. Whoever makes the call prolongs the lease while it lasts."""

    periods = models.ManyToManyField(BudgetPeriod, related_name="reservations")
    amount = MoneyField()
    call = models.JSONField(help_text="What the ledger will say of the call.")
    answer_id = models.BigIntegerField(null=True, blank=True)
    attempt = models.IntegerField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField()
    closed_at = models.DateTimeField(
        null=True, blank=True, help_text="Settled, or given back after its lease."
    )

    class Meta:
        indexes = [
            models.Index(fields=["lease_until"], condition=Q(closed_at=None), name="reservation_open"),
            models.Index(fields=["answer_id"], condition=Q(closed_at=None), name="reservation_of_answer"),
        ]

    def __str__(self) -> str:
        return f"{self.amount:.6f} USD for {self.call.get('model')}"


class ModelCall(models.Model):
    """One call of a model. Rows are only ever added: a trigger of the database refuses to change or delete them.

    They outlive what they were about, so ids stand here without constraints.
    """

    class Purpose(models.TextChoices):
        ANSWER = "answer"
        REWRITE = "rewrite"
        SUMMARY = "summary"
        TITLE = "title"
        CONTEXT = "context", "context of a chunk"
        EVALUATION = "evaluation"

    class Outcome(models.TextChoices):
        COMPLETE = "complete"
        STOPPED = "stopped"
        FAILED = "failed"
        LOST = "lost", "lost with its worker"

    purpose = models.CharField(max_length=12, choices=Purpose.choices)
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    model = models.CharField(max_length=120)
    user = models.ForeignKey(USER, models.DO_NOTHING, null=True, related_name="+", db_constraint=False)
    room = models.ForeignKey("chat.Room", models.DO_NOTHING, null=True, related_name="+", db_constraint=False)
    assistant = models.ForeignKey(USER, models.DO_NOTHING, null=True, related_name="+", db_constraint=False)
    answer = models.ForeignKey(
        "rag.Answer", models.DO_NOTHING, null=True, related_name="calls", db_constraint=False
    )
    attempt = models.IntegerField(null=True)
    input_tokens = models.IntegerField(default=0, help_text="Without those of the cache.")
    output_tokens = models.IntegerField(default=0)
    cache_write_tokens = models.IntegerField(default=0)
    cache_read_tokens = models.IntegerField(default=0)
    is_estimate = models.BooleanField(
        default=False, help_text="The stream broke off before it said how much it had written."
    )
    input_price = models.DecimalField(max_digits=10, decimal_places=4, help_text="USD per million tokens.")
    output_price = models.DecimalField(max_digits=10, decimal_places=4, help_text="USD per million tokens.")
    cache_write_price = models.DecimalField(max_digits=10, decimal_places=4)
    cache_read_price = models.DecimalField(max_digits=10, decimal_places=4)
    cost = MoneyField(help_text="USD.")
    error_code = models.CharField(max_length=40, blank=True)
    begun_at = models.DateTimeField()
    at = models.DateTimeField(db_default=Now(), help_text="When it ended.")

    class Meta:
        indexes = [
            models.Index(fields=["user", "begun_at"], name="model_call_of_user"),
            models.Index(fields=["-begun_at"], name="model_call_newest"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    cost__gte=0,
                    input_tokens__gte=0,
                    output_tokens__gte=0,
                    cache_write_tokens__gte=0,
                    cache_read_tokens__gte=0,
                ),
                name="model_call_not_negative",
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose} by {self.model}, {self.cost:.6f} USD"
