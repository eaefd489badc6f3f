"""Answers and what they rest on: prompts, attempts, the passages that were served, what readers thought."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

USER = settings.AUTH_USER_MODEL


class PromptTemplate(models.Model):
    """A version of what an assistant is told. Versions are never changed, only followed by the next."""

    name = models.CharField(max_length=80, default="answer")
    version = models.IntegerField()
    persona = models.TextField()
    rules = models.TextField()
    examples = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="prompt_template_version")]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class Answer(models.Model):
    """A question, the message that answers it, and everything the answer rests on.

    Tokens and cost are those of all attempts together, everything else that a model gave is of the last one.
    """

    question = models.ForeignKey("chat.Message", models.CASCADE, related_name="answers", db_index=False)
    message = models.OneToOneField("chat.Message", models.CASCADE, related_name="answer")
    assistant = models.ForeignKey(USER, models.PROTECT, related_name="answers")
    asked_by = models.ForeignKey(USER, models.PROTECT, related_name="questions")
    attempt = models.IntegerField(default=0, help_text="0: not begun. A worker that takes over adds one.")
    attempts_before = models.IntegerField(
        default=0, help_text="Attempts made before somebody last asked for it again."
    )
    requested_at = models.DateTimeField(
        null=True, blank=True, help_text="When somebody last asked for it again; empty: with the question."
    )
    stop_requested_at = models.DateTimeField(null=True, blank=True)
    model = models.CharField(max_length=120, blank=True)
    prompt = models.ForeignKey(PromptTemplate, models.SET_NULL, null=True, blank=True, related_name="answers")
    stop_reason = models.CharField(max_length=40, blank=True)
    input_tokens = models.IntegerField(default=0, help_text="With those written to and read from a cache.")
    output_tokens = models.IntegerField(default=0)
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=Decimal(0), help_text="USD.")
    dropped_citations = models.IntegerField(default=0)
    search_ms = models.FloatField(null=True, blank=True)
    first_delta_ms = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["question", "assistant"], name="answer_once_per_question"),
            models.CheckConstraint(
                condition=Q(cost__gte=0, input_tokens__gte=0, output_tokens__gte=0),
                name="answer_usage_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"answer {self.pk} to message {self.question_id}"


class AnswerAttempt(models.Model):
    """One worker's try at an answer. What a worker that died had spent is not known."""

    answer = models.ForeignKey(Answer, models.CASCADE, related_name="attempts", db_index=False)
    number = models.IntegerField()
    begun_at = models.DateTimeField(db_default=Now())
    model = models.CharField(max_length=120, blank=True)
    parameters = models.JSONField(default=dict, blank=True, help_text="What the model was asked with.")
    input_tokens = models.IntegerField(default=0, help_text="Without those of the cache.")
    output_tokens = models.IntegerField(default=0)
    cache_write_tokens = models.IntegerField(default=0)
    cache_read_tokens = models.IntegerField(default=0)
    cost = models.DecimalField(max_digits=12, decimal_places=6, default=Decimal(0), help_text="USD.")
    stop_reason = models.CharField(max_length=40, blank=True)
    search_ms = models.FloatField(null=True, blank=True)
    first_delta_ms = models.FloatField(
        null=True, blank=True, help_text="From the request to the first words."
    )
    error_code = models.CharField(max_length=40, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["answer", "number"], name="answer_attempt_number"),
            models.CheckConstraint(
                condition=Q(
                    cost__gte=0,
                    input_tokens__gte=0,
                    output_tokens__gte=0,
                    cache_write_tokens__gte=0,
                    cache_read_tokens__gte=0,
                ),
                name="answer_attempt_usage_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} at answer {self.answer_id}"


class AnswerPassage(models.Model):
    """A passage that was served to the model, with its scores and a hash of the words served.

    It is `chunk` and those that follow it in the document, `chunk_count` in all.
    """

    answer = models.ForeignKey(Answer, models.CASCADE, related_name="passages", db_index=False)
    chunk = models.ForeignKey("rag.Chunk", models.SET_NULL, null=True, blank=True, related_name="+")
    chunk_count = models.SmallIntegerField(db_default=1)
    rank = models.IntegerField()
    score = models.FloatField()
    cosine = models.FloatField(null=True, blank=True)
    bm25 = models.FloatField(null=True, blank=True)
    text_sha256 = models.CharField(max_length=64)
    cited = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["answer", "rank"], name="answer_passage_rank")]

    def __str__(self) -> str:
        return f"passage {self.rank} of answer {self.answer_id}"


class AnswerRating(models.Model):
    """What a reader of an answer thinks of it; a reader has one rating of an answer and may change it."""

    answer = models.ForeignKey(Answer, models.CASCADE, related_name="ratings", db_index=False)
    user = models.ForeignKey(USER, models.CASCADE, related_name="answer_ratings")
    helpful = models.BooleanField()
    reason = models.CharField(max_length=500, blank=True)
    attempt = models.IntegerField(help_text="The attempt that had written the text which was rated.")
    rated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["answer", "user"], name="answer_rating_once_per_user")]
        indexes = [models.Index(fields=["-rated_at"], name="answer_rating_newest")]

    def __str__(self) -> str:
        return f"{self.user} on answer {self.answer_id}: {'helpful' if self.helpful else 'not helpful'}"
