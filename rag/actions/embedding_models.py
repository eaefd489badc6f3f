"""Which embedding model answers, which one is being built to take its place, and which ones go.

A model's row is locked before any document (and documents in the order of their ids). Whoever stores vectors shares the
lock of their model's row, so that none arrives unseen while `switch_to` looks whether all are there.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from rag.actions.documents import EMBED_PRIORITY
from rag.actions.processing import enqueue_embedding
from rag.embeddings import vector_index
from rag.embeddings.configuration import EmbedderSource
from rag.jobs.enqueueing import DOCUMENTS, enqueue
from rag.models import Chunk, Document, Embedding, EmbeddingModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

BUILD_PRIORITY = EMBED_PRIORITY - 10  # a new document is found by its meaning first
KEEP_RETIRED = timedelta(days=1)  # going back within it needs no vectors
# A search that began before the switch still reads the old vectors.
IN_USE_AFTER_SWITCH = timedelta(minutes=1)
_DELETE_ROWS = 10_000  # vectors per transaction: about a second

_WITHOUT_NEW_VECTOR = """
SELECT EXISTS (SELECT FROM rag_embedding old WHERE old.model_id = (SELECT id FROM rag_embeddingmodel WHERE active)
    AND NOT EXISTS (SELECT FROM rag_embedding new WHERE new.chunk_id = old.chunk_id AND new.model_id = %s))
"""
# In the order of the ids: each part goes on where the one before ended, instead of reading again what it left.
_DELETE_VECTORS = """
WITH part AS MATERIALIZED (
    SELECT id FROM rag_embedding WHERE id > %s AND model_id = %s ORDER BY id LIMIT %s
), gone AS (
    DELETE FROM rag_embedding WHERE id IN (SELECT id FROM part)
)
SELECT count(*), coalesce(max(id), 0) FROM part
"""
_HAS_BUILD_JOB = """
SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE task_name = 'rag.build_vectors' AND status IN ('todo', 'doing')
    AND (args ->> 'model_id')::bigint = %s)
"""


class DimensionsChanged(Exception):
    """A model of the same name made vectors of another size before."""


def use_embedding_model(
    name: str, dimensions: int, *, source: EmbedderSource | None = None
) -> EmbeddingModel:
    """The model, active at once and with its vector index. READY documents without its vectors are embedded again.

    Until that is done they are found by their words: for the first model, and where the one before is out of reach.
    `build_embedding_model` is the way without a gap.

    Raises:
        DimensionsChanged: stored vectors of that name have another size.
    """
    with transaction.atomic(durable=True):
        model = _locked_model(name, dimensions, source)
        if not model.active:
            _activate(model)
            _embed_again(model)
    vector_index.make_index(model)
    return model


def build_embedding_model(
    name: str, dimensions: int, *, source: EmbedderSource | None = None
) -> EmbeddingModel:
    """The model, with a job that makes its vectors while the active one answers; `switch_to` then ends the building.

    Any other model that was being built is given up. Where no model is active, this one is at once. Repeated without
    harm: a job that was lost is enqueued again.

    Raises:
        DimensionsChanged: stored vectors of that name have another size.
    """
    if not EmbeddingModel.objects.filter(active=True).exists():
        return use_embedding_model(name, dimensions, source=source)
    with transaction.atomic(durable=True):
        model = _locked_model(name, dimensions, source)
        if model.active:
            return model
        _retire(EmbeddingModel.objects.filter(building_since__isnull=False).exclude(pk=model.pk))
        if model.building_since is None:
            model.building_since, model.retired_at = timezone.now(), None
            model.save(update_fields=["building_since", "retired_at"])
        with connection.cursor() as cursor:
            cursor.execute(_HAS_BUILD_JOB, [model.pk])
            if cursor.fetchone() == (False,):
                _enqueue_building(model.pk, after=0)
    return model


def keep_active_model(name: str, *, source: EmbedderSource) -> bool:
    """Whether the model of that name is active; then what was being built is given up, and its source is kept."""
    if not EmbeddingModel.objects.filter(name=name, active=True).exists():
        return False
    with transaction.atomic(durable=True):
        _retire(EmbeddingModel.objects.filter(building_since__isnull=False))
        EmbeddingModel.objects.filter(name=name).exclude(api=source.api, url=source.url).update(
            api=source.api, url=source.url
        )
    return True


def continue_building(model_id: int, *, after: int) -> None:
    """Enqueue the rest of the building, chunks above the id `after` first; nothing, if it was given up."""
    with transaction.atomic(durable=True):
        if _building(model_id).exists():
            _enqueue_building(model_id, after=after)


def note_problem(model_id: int, problem: str) -> None:
    """Keep why a model's vectors cannot be made just now, for admins; empty when they can."""
    EmbeddingModel.objects.filter(pk=model_id).exclude(problem=problem[:500]).update(problem=problem[:500])


def store_building_vectors(model_id: int, chunk_ids: Sequence[int], vectors: "NDArray") -> bool:
    """Store vectors (len(chunk_ids), dimensions) of a model that is being built; False if it was given up.

    Chunks that are gone, or have their vector by now, are left out.
    """
    with transaction.atomic(durable=True):
        if not _building(model_id).select_for_update(no_key=True).exists():
            return False
        documents = Document.objects.filter(chunks__in=chunk_ids).values("pk")
        list(Document.objects.select_for_update().filter(pk__in=documents).order_by("pk").values("pk"))
        chunks = Chunk.objects.filter(pk__in=chunk_ids).values_list("pk", "document__collection_id")
        collections = dict(chunks)
        seen = set(
            Embedding.objects.filter(chunk__in=chunk_ids, model=model_id).values_list("chunk_id", flat=True)
        )
        Embedding.objects.bulk_create(
            Embedding(chunk_id=pk, model_id=model_id, collection_id=collections[pk], vector=vector)
            for pk, vector in zip(chunk_ids, vectors, strict=True)
            if pk in collections and pk not in seen
        )
    return True


def switch_to(model_id: int) -> bool:
    """Let the model that is being built answer from now on, if it has a vector wherever the active one has one.

    The active model is retired; its vectors stay for `KEEP_RETIRED`. False if a vector is missing, or the building was
    given up.
    """
    with transaction.atomic(durable=True):
        # Waits for those who are storing vectors, and holds up others: none of either model is added meanwhile.
        list(EmbeddingModel.objects.select_for_update().order_by("pk"))
        model = _building(model_id).first()
        if model is None:
            return False
        with connection.cursor() as cursor:
            cursor.execute(_WITHOUT_NEW_VECTOR, [model_id])
            if cursor.fetchone() == (True,):
                return False
        _activate(model)
    return True


def give_up_retired(model_ids: Iterable[int]) -> int:
    """Have those of the models that are retired dropped now, by a job. Gives their number; they must not be in use."""
    with transaction.atomic(durable=True):
        now = timezone.now()
        retired = EmbeddingModel.objects.filter(
            pk__in=list(model_ids), retired_at__lt=now - IN_USE_AFTER_SWITCH
        )
        count = retired.update(retired_at=now - 2 * KEEP_RETIRED)
        if count:
            enqueue("rag.drop_retired_models", queue=DOCUMENTS, timestamp=int(now.timestamp()))
    return count


def drop_retired_models(*, keep: timedelta = KEEP_RETIRED) -> int:
    """Remove models that were retired so long ago, with their vectors and indexes. Gives their number."""
    keep = max(keep, IN_USE_AFTER_SWITCH)
    retired = EmbeddingModel.objects.filter(retired_at__lt=timezone.now() - keep).order_by("pk")
    return sum(_drop(model) for model in retired)


def _drop(model: EmbeddingModel) -> bool:
    """Whether the model was removed: not if it came back meanwhile. A part that was removed is made again then."""
    vector_index.drop_index(model)
    removed, last_id = _DELETE_ROWS, 0
    while removed == _DELETE_ROWS:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            if not EmbeddingModel.objects.select_for_update().filter(pk=model.pk, retired_at__isnull=False):
                return False
            cursor.execute(_DELETE_VECTORS, [last_id, model.pk, _DELETE_ROWS])
            [(removed, last_id)] = cursor.fetchall()
    with transaction.atomic(durable=True):
        return EmbeddingModel.objects.filter(pk=model.pk, retired_at__isnull=False).delete()[0] > 0


def _locked_model(name: str, dimensions: int, source: EmbedderSource | None) -> EmbeddingModel:
    """Step: the model of that name under the lock of all models, made if there is none."""
    known = {"api": source.api, "url": source.url} if source else {}
    EmbeddingModel.objects.get_or_create(name=name, defaults={"dimensions": dimensions, **known})
    model = next(m for m in EmbeddingModel.objects.select_for_update().order_by("pk") if m.name == name)
    if model.dimensions != dimensions:
        raise DimensionsChanged(
            f"{name} makes vectors of {dimensions} components; the stored ones have {model.dimensions}."
        )
    if source and (model.api, model.url) != (source.api, source.url):
        model.api, model.url = source.api, source.url
        model.save(update_fields=["api", "url"])
    return model


def _activate(model: EmbeddingModel) -> None:
    """Step: this model answers, and no other is being built; with all models locked."""
    _retire(EmbeddingModel.objects.exclude(pk=model.pk).exclude(active=False, building_since=None))
    model.active, model.building_since, model.retired_at, model.problem = True, None, None, ""
    model.save(update_fields=["active", "building_since", "retired_at", "problem"])


def _retire(models: QuerySet[EmbeddingModel]) -> None:
    models.update(active=False, building_since=None, retired_at=timezone.now(), problem="")


def _building(model_id: int) -> QuerySet[EmbeddingModel]:
    return EmbeddingModel.objects.filter(pk=model_id, building_since__isnull=False)


def _enqueue_building(model_id: int, *, after: int) -> None:
    enqueue("rag.build_vectors", queue=DOCUMENTS, priority=BUILD_PRIORITY, model_id=model_id, after=after)


def _embed_again(model: EmbeddingModel) -> None:
    seen = Embedding.objects.filter(model=model).values("chunk_id")
    behind = Chunk.objects.exclude(pk__in=seen).values("document_id")
    ready = (
        Document.objects.select_for_update()
        .filter(status=Document.Status.READY, pk__in=behind)
        .order_by("pk")
    )
    for document in ready:
        document.status = Document.Status.EMBEDDING
        document.embedded_count = Embedding.objects.filter(chunk__document=document, model=model).count()
        document.save(update_fields=["status", "embedded_count"])
        enqueue_embedding(document.pk)
