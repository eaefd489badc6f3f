"""Failures by kind. Imported by rag/models.py, where Django looks for them."""

from django.db import models
from django.db.models.functions import Now


class Problem(models.Model):
    """Something that failed, once or often: one row for each category, code and place."""

    class Category(models.TextChoices):
        TOOL = "tool", "tool: a language model, an embedder, a parser, a server that is asked"
        CODE = "code", "code: a defect of the program"
        CMD = "cmd", "cmd: a job or a command"
        CONTEXT = "context", "context: what a model was given"
        AGENT = "agent", "agent: what an assistant did"
        CONFIG = "config", "config: settings of the installation"

    category = models.CharField(max_length=8, choices=Category.choices)
    code = models.CharField(max_length=40)
    place = models.CharField(max_length=200, blank=True, help_text="The model, job, type of file or setting.")
    what = models.CharField(max_length=500, help_text="As it was told the last time.")
    correction = models.CharField(
        max_length=500,
        blank=True,
        help_text="How to correct it, for admins; empty: what the program knows of the code.",
    )
    advice = models.CharField(
        max_length=300, blank=True, help_text="Told, beside the error, to whoever meets it in an answer."
    )
    count = models.IntegerField(default=1)
    first_seen = models.DateTimeField(db_default=Now())
    last_seen = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-last_seen"]
        constraints = [
            models.UniqueConstraint(fields=["category", "code", "place"], name="problem_once"),
        ]
        indexes = [models.Index(fields=["-last_seen"], name="problem_latest")]

    def __str__(self) -> str:
        return f"{self.code} {self.place}".strip()
