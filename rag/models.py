"""Documents and what is found in them, answers and what they rest on."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from pgvector.django import SparseVectorField

from rag.crawling.models import WebPage as WebPage
from rag.embeddings.models import Embedding as Embedding
from rag.embeddings.models import EmbeddingModel as EmbeddingModel
from rag.embeddings.models import EmbeddingUsage as EmbeddingUsage
from rag.evaluation.models import EvaluationResult as EvaluationResult
from rag.evaluation.models import EvaluationRun as EvaluationRun
from rag.evaluation.models import GoldenDocument as GoldenDocument
from rag.evaluation.models import GoldenQuestion as GoldenQuestion
from rag.evaluation.models import GoldenSet as GoldenSet
from rag.money.models import Budget as Budget
from rag.money.models import BudgetPeriod as BudgetPeriod
from rag.money.models import ModelCall as ModelCall
from rag.money.models import Reservation as Reservation
from rag.money.prices import Prices

USER = settings.AUTH_USER_MODEL
SPARSE_DIMENSIONS = 1_000_000_000  # pgvector's most; term ids are far fewer
# Of the rules by which words are indexed (the SQL function rag_chunk_words). 1: every document as English.
LEXICAL_VERSION = 2


class Collection(models.Model):
    """Documents that are shared together: with everyone, with rooms, or with nobody but the owner."""

    name = models.CharField(max_length=80)
    description = models.CharField(max_length=500, blank=True)
    owner = models.ForeignKey(USER, models.PROTECT, related_name="collections")
    everyone = models.BooleanField(default=False)
    home_room = models.OneToOneField(
        "chat.Room",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="home_collection",
        help_text="The room whose own files these are: its members may add to them.",
    )
    rooms: "models.ManyToManyField[models.Model, CollectionShare]" = models.ManyToManyField(
        "chat.Room", through="CollectionShare", related_name="collections"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint("owner", Lower("name"), name="collection_name_per_owner")]

    def __str__(self) -> str:
        return self.name


class CollectionShare(models.Model):
    """A collection that everybody who may read a room may read."""

    collection = models.ForeignKey(Collection, models.CASCADE, related_name="shares")
    room = models.ForeignKey("chat.Room", models.CASCADE, related_name="collection_shares")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["collection", "room"], name="collection_shared_once")]

    def __str__(self) -> str:
        return f"{self.collection} with {self.room}"


class Document(models.Model):
    """An uploaded file and how far its processing has come."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        PARSING = "parsing"
        EMBEDDING = "embedding"
        READY = "ready"
        FAILED = "failed"

    collection = models.ForeignKey(Collection, models.CASCADE, related_name="documents")
    title = models.CharField(max_length=300)
    filename = models.CharField(max_length=300)
    source = models.CharField(
        max_length=500,
        blank=True,
        help_text="Where it came from: a path below the ingested folder, or the id of a loaded corpus.",
    )
    media_type = models.CharField(max_length=100)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    file = models.FileField(max_length=200, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    warning = models.CharField(
        max_length=1000,
        blank=True,
        help_text="What of the file was left out; empty where all of it was read.",
    )
    language = models.CharField(
        max_length=8, blank=True, help_text="Of its text, by ISO 639-1 (de); empty where it is not known."
    )
    lexical_version = models.SmallIntegerField(
        db_default=1,
        editable=False,
        help_text="The rules by which its words were indexed. Those of older ones are indexed again.",
    )
    replaces = models.BooleanField(
        default=False, help_text="Once it is ready, older documents of the same collection and source go."
    )
    part_of = models.ForeignKey(
        "self",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="parts",
        help_text="The archive or mail that it came in, and goes with.",
    )
    page_count = models.IntegerField(null=True, blank=True)
    chunk_count = models.IntegerField(default=0)
    embedded_count = models.IntegerField(default=0)
    uploaded_by = models.ForeignKey(USER, models.PROTECT, related_name="documents")
    created_at = models.DateTimeField(db_default=Now())
    searchable_at = models.DateTimeField(null=True, blank=True, help_text="When its words could be found.")
    ready_at = models.DateTimeField(null=True, blank=True, help_text="When all its vectors were there, too.")

    class Meta:
        indexes = [models.Index(fields=["file"], name="document_file")]
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "source", "sha256"], name="document_once_per_collection"
            ),
            models.CheckConstraint(
                condition=Q(status__in=("queued", "parsing", "embedding", "ready", "failed")),
                name="document_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(status="failed") | ~Q(error_code=""), name="document_failure_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class ReplacedDocument(models.Model):
    """A document that is gone, and the newest version that replaced it: links to it lead there."""

    document_id = models.BigIntegerField(primary_key=True)
    successor = models.ForeignKey(Document, models.CASCADE, related_name="replaced")
    replaced_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.document_id}, now {self.successor_id}"


class DocumentText(models.Model):
    """The text that was read from a document. Chunks are slices of it."""

    document = models.OneToOneField(Document, models.CASCADE, primary_key=True, related_name="extracted")
    text = models.TextField()

    def __str__(self) -> str:
        return f"text of {self.document_id}"


class Chunk(models.Model):
    """`text` is the slice [start, end) of the document's text, in characters."""

    document = models.ForeignKey(Document, models.CASCADE, related_name="chunks", db_index=False)
    ordinal = models.IntegerField()
    text = models.TextField()
    start = models.IntegerField()
    end = models.IntegerField()
    page = models.IntegerField(null=True, blank=True)
    page_end = models.IntegerField(null=True, blank=True)
    heading = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["document", "ordinal"], name="chunk_place_in_document")
        ]

    def __str__(self) -> str:
        return f"{self.document_id}#{self.ordinal}"


class Lexeme(models.Model):
    """A term: its id in the lexical vectors and its document frequency, exact in every transaction.

    The same letters are a term of their own in each language, since its stemmer made them.
    """

    language = models.CharField(
        max_length=8, db_default="en", help_text="Whose stemmer made it, by ISO 639-1 (de)."
    )
    lexeme = models.TextField()
    frequency = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["language", "lexeme"], name="lexeme_once_per_language")
        ]

    def __str__(self) -> str:
        return f"{self.lexeme} ({self.language})"


class LexicalVector(models.Model):
    """BM25 weights of a chunk by term id. The inner product with a question's idf vector is its BM25 score."""

    chunk = models.OneToOneField(Chunk, models.CASCADE, primary_key=True, related_name="lexical")
    collection = models.ForeignKey(Collection, models.CASCADE, related_name="+")
    weights = SparseVectorField(dimensions=SPARSE_DIMENSIONS)

    def __str__(self) -> str:
        return f"lexical vector of {self.chunk_id}"


class CollectionStatistic(models.Model):
    """How many chunks a collection has; the search decides by it whether to scan or to use an index."""

    collection = models.OneToOneField(Collection, models.CASCADE, primary_key=True, related_name="statistic")
    chunk_count = models.IntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.collection_id}: {self.chunk_count}"


class CorpusStatistic(models.Model):
    """One row: chunks in all, and the average length that is frozen into the lexical vectors."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    chunk_count = models.IntegerField(default=0)
    average_length = models.FloatField(default=100.0, help_text="Lexemes per chunk.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="corpus_statistic_one_row")]

    def __str__(self) -> str:
        return f"{self.chunk_count} chunks"


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


class LanguageModel(models.Model):
    """A model of the chain, with its prices. Lower positions are tried first."""

    name = models.CharField(max_length=120, unique=True)
    position = models.IntegerField(default=100)
    enabled = models.BooleanField(default=True)
    max_output_tokens = models.IntegerField(default=2048)
    context_tokens = models.IntegerField(default=200_000)
    input_price = models.DecimalField(
        max_digits=10, decimal_places=4, default=Decimal(0), help_text="USD per million input tokens."
    )
    output_price = models.DecimalField(
        max_digits=10, decimal_places=4, default=Decimal(0), help_text="USD per million output tokens."
    )
    cache_write_price = models.DecimalField(
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="USD per million tokens written to the cache; empty: 1.25 times the input price.",
    )
    cache_read_price = models.DecimalField(
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="USD per million tokens read from the cache; empty: a tenth of the input price.",
    )

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(input_price__gte=0, output_price__gte=0)
                & (Q(cache_write_price=None) | Q(cache_write_price__gte=0))
                & (Q(cache_read_price=None) | Q(cache_read_price__gte=0)),
                name="language_model_price_not_negative",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def prices(self) -> Prices:
        return Prices.of(self.input_price, self.output_price, self.cache_write_price, self.cache_read_price)


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
    chunk = models.ForeignKey(Chunk, models.SET_NULL, null=True, blank=True, related_name="+")
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
