"""Documents and what is found in them. The other tables are at home in the packages that use them, and named here."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from pgvector.django import SparseVectorField

from rag.answering.models import Answer as Answer
from rag.answering.models import AnswerAttempt as AnswerAttempt
from rag.answering.models import AnswerPassage as AnswerPassage
from rag.answering.models import AnswerRating as AnswerRating
from rag.answering.models import PromptTemplate as PromptTemplate
from rag.crawling.models import WebPage as WebPage
from rag.embeddings.models import Embedding as Embedding
from rag.embeddings.models import EmbeddingModel as EmbeddingModel
from rag.embeddings.models import EmbeddingUsage as EmbeddingUsage
from rag.evaluation.models import EvaluationResult as EvaluationResult
from rag.evaluation.models import EvaluationRun as EvaluationRun
from rag.evaluation.models import GoldenDocument as GoldenDocument
from rag.evaluation.models import GoldenQuestion as GoldenQuestion
from rag.evaluation.models import GoldenSet as GoldenSet
from rag.llm.models import LanguageModel as LanguageModel
from rag.money.models import Budget as Budget
from rag.money.models import BudgetPeriod as BudgetPeriod
from rag.money.models import ModelCall as ModelCall
from rag.money.models import Reservation as Reservation
from rag.problems.models import Problem as Problem

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
    context = models.TextField(
        blank=True,
        db_default="",
        help_text="What a language model wrote of its place in the document: found, but never shown or cited.",
    )

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
