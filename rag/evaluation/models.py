"""Golden questions and runs over them. Imported by rag/models.py, where Django looks for them."""

from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now

from rag.evaluation.metrics import Scores

USER = settings.AUTH_USER_MODEL
BEST_GRADE = 3


class GoldenSet(models.Model):
    """Questions that are asked together to measure the search."""

    name = models.CharField(max_length=80)
    description = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(Lower("name"), name="golden_set_name")]

    def __str__(self) -> str:
        return self.name


class GoldenQuestion(models.Model):
    """A question with the documents that answer it, asked with one user's rights. Runs take accepted ones alone."""

    golden_set = models.ForeignKey(GoldenSet, models.CASCADE, related_name="questions")
    text = models.TextField()
    asked_by = models.ForeignKey(
        USER, models.CASCADE, related_name="golden_questions", help_text="Whose documents are searched."
    )
    accepted = models.BooleanField(default=False, help_text="Runs ask it; until then it is a candidate.")
    rating = models.OneToOneField(
        "rag.AnswerRating",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="golden_question",
        help_text="The rating of an answer that it came from.",
    )
    note = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.text[:80]


class GoldenDocument(models.Model):
    """A document that answers a golden question. A later version, of the same collection and source, counts as it."""

    question = models.ForeignKey(GoldenQuestion, models.CASCADE, related_name="relevant")
    document = models.ForeignKey(
        "rag.Document", models.SET_NULL, null=True, related_name="+", help_text="Empty: it was deleted."
    )
    collection = models.ForeignKey("rag.Collection", models.CASCADE, editable=False, related_name="+")
    source = models.CharField(max_length=500, editable=False)
    title = models.CharField(max_length=300, editable=False)
    grade = models.SmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(BEST_GRADE)],
        help_text=f"1: of use, {BEST_GRADE}: the answer.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["question", "document"], name="golden_document_once"),
            models.CheckConstraint(
                condition=Q(grade__range=(1, BEST_GRADE)), name="golden_document_grade_known"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def save(self, **options: Any) -> None:
        """Keep what a later version is known by."""
        if self.document is not None:
            self.collection_id = self.document.collection_id
            self.source, self.title = self.document.source, self.document.title
        super().save(**options)


class EvaluationRun(models.Model):
    """All accepted questions of a set, asked once of the search as it was. Means stand when it is done."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    golden_set = models.ForeignKey(GoldenSet, models.CASCADE, related_name="runs")
    started_by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+")
    note = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    error = models.CharField(max_length=500, blank=True)
    configuration = models.JSONField(default=dict, help_text="What was searched with.")
    question_count = models.IntegerField()
    done_count = models.IntegerField(default=0)
    ndcg = models.FloatField(null=True, verbose_name="nDCG@10")
    recall = models.FloatField(null=True)
    mrr = models.FloatField(null=True, verbose_name="MRR")
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=("queued", "running", "done", "failed")),
                name="evaluation_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(status="failed") | ~Q(error=""), name="evaluation_failure_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk} of {self.golden_set}"


class EvaluationResult(models.Model):
    """One question of a run, as it was asked, with what was found."""

    run = models.ForeignKey(EvaluationRun, models.CASCADE, related_name="results", db_index=False)
    question = models.ForeignKey(GoldenQuestion, models.SET_NULL, null=True, related_name="results")
    text = models.TextField()
    asked_as = models.CharField(max_length=150)
    ndcg = models.FloatField(verbose_name="nDCG@10")
    recall = models.FloatField()
    mrr = models.FloatField(verbose_name="MRR")
    found = models.JSONField(
        default=list, help_text="Documents, best first: id, title, score, and grade if relevant."
    )
    search_ms = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "question"], name="evaluation_result_once")]

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def scores(self) -> Scores:
        """The measures."""
        return Scores(self.ndcg, self.recall, self.mrr)
