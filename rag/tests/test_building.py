"""From one embedding model to the next without a moment in which meaning finds nothing."""

from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from rag.actions import embedding_models, processing
from rag.actions.texts import add_text
from rag.embeddings import EmbeddingError, building, configuration, vector_index
from rag.embeddings.configuration import EmbedderSource
from rag.ingestion import flow
from rag.jobs import upkeep
from rag.models import Document, Embedding, EmbeddingModel
from rag.retrieval.search import Audience, search
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.library import make_collection, make_user

pytestmark = pytest.mark.django_db(transaction=True)

# No text shares a word with the question: what finds it is its meaning, and nothing else.
QUESTION = "Which animals make music?"
WHALES = "Humpbacks sing."
TOPICS = {"music": "whales", "Humpbacks": "whales", "pump": "pumps", "canary": "birds"}


def embedder(name: str, dimensions: int, axes: dict[str, int], *, batch_texts: int = 2) -> ScriptedEmbedder:
    """Texts of one topic get the same unit vector of that many dimensions."""
    vectors = {word: np.eye(dimensions)[axes[topic]].tolist() for word, topic in TOPICS.items()}
    return ScriptedEmbedder(vectors, name=name, dimensions=dimensions, batch_texts=batch_texts)


# The axes differ: a question of one model compared with vectors of the other would find the wrong text.
OLD = embedder("old", 3, {"whales": 0, "pumps": 1, "birds": 2})
NEW = embedder("new", 5, {"whales": 1, "pumps": 0, "birds": 2})


@pytest.fixture
def ada():
    return make_user("ada")


@pytest.fixture(autouse=True)
def configure(monkeypatch):
    """Sets the configured embedder; the one before can still be reached, as a server of that name can."""
    known = {OLD.name: OLD, NEW.name: NEW}
    chosen = [OLD]
    for place in (configuration, flow, building, upkeep):
        monkeypatch.setattr(place, "configured_embedder", lambda: chosen[0])
    monkeypatch.setattr(configuration, "embedder_for", lambda *, model, **_: known[model])
    monkeypatch.setattr(
        upkeep, "configured_source", lambda: EmbedderSource("openai", f"http://{chosen[0].name}.invalid")
    )
    return lambda embedder: chosen.__setitem__(0, embedder)


@pytest.fixture
def library(ada):
    """Five documents with vectors of the old model, which is the configured one."""
    texts = [WHALES, *(f"The pump number {number}." for number in range(4))]
    collection = make_collection(ada, "library", *texts)
    for document in Document.objects.order_by("pk"):
        assert flow.embed_document(document.pk)
    upkeep.follow_configured_embedder()
    return collection


def found(ada) -> str:
    [best, *_] = search(Audience.of_user(ada), QUESTION)
    assert best.cosine == pytest.approx(1, abs=1e-3), "found by its meaning"
    return best.text


def active() -> str:
    return EmbeddingModel.objects.get(active=True).name


def build_jobs() -> list[dict]:
    jobs = ProcrastinateJob.objects.filter(task_name="rag.build_vectors", status="todo")
    return list(jobs.order_by("pk").values_list("args", flat=True))


def test_at_every_moment_of_a_change_of_model_a_search_by_meaning_finds_its_document(
    ada, library, configure, monkeypatch
):
    moments: list[tuple[str, str, bool]] = []

    def look(what: str) -> None:
        moments.append((what, active(), found(ada) == WHALES))

    def watched(module, name):
        original = getattr(module, name)

        def with_a_look(*args, **keywords):
            look(f"before {name}")
            result = original(*args, **keywords)
            look(f"after {name}")
            return result

        monkeypatch.setattr(module, name, with_a_look)

    for module, name in [
        (embedding_models, "build_embedding_model"),
        (embedding_models, "store_building_vectors"),
        (vector_index, "make_index"),
        (embedding_models, "switch_to"),
        (embedding_models, "_drop"),
    ]:
        watched(module, name)
    configure(NEW)

    upkeep.follow_configured_embedder()
    [job] = build_jobs()
    assert building.build_vectors(**job)
    EmbeddingModel.objects.filter(name="old").update(
        retired_at=timezone.now() - 2 * embedding_models.KEEP_RETIRED
    )
    assert embedding_models.drop_retired_models() == 1

    assert [what for what, _, was_found in moments if not was_found] == []
    steps = [(what.removeprefix("before "), model) for what, model, _ in moments if what.startswith("before")]
    assert steps == [
        ("build_embedding_model", "old"),
        *[("store_building_vectors", "old")] * 3,
        ("make_index", "old"),
        ("switch_to", "old"),
        ("_drop", "new"),
    ]
    assert not Document.objects.exclude(status=Document.Status.READY).exists()
    assert list(Embedding.objects.values_list("model__name", flat=True).distinct()) == ["new"]
    assert [index for index in vector_indexes() if index.endswith(f"_{EmbeddingModel.objects.get().pk}")]


def vector_indexes() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE indexname LIKE 'rag_embedding_hnsw_%'")
        return [row[0] for row in cursor.fetchall()]


def begin_building(configure) -> int:
    configure(NEW)
    upkeep.follow_configured_embedder()
    return EmbeddingModel.objects.get(building_since__isnull=False).pk


def test_the_index_is_there_before_the_switch(ada, library, configure, monkeypatch):
    model_id = begin_building(configure)
    seen = []
    switch = embedding_models.switch_to
    monkeypatch.setattr(
        embedding_models, "switch_to", lambda pk: seen.append(set(vector_indexes())) or switch(pk)
    )

    assert building.build_vectors(model_id)

    assert f"rag_embedding_hnsw_{model_id}" in seen[0]


def test_a_builder_that_is_stopped_or_killed_goes_on_where_it_was(ada, library, configure):
    model_id = begin_building(configure)
    answers = iter([False, True])
    NEW.embedded.clear()

    assert not building.build_vectors(model_id, should_stop=lambda: next(answers))

    assert Embedding.objects.filter(model=model_id).count() == 2
    assert active() == "old" and found(ada) == WHALES
    [_, rest] = build_jobs()
    assert rest["after"] > 0
    ProcrastinateJob.objects.all().delete()  # killed: with the last word of where it was

    upkeep.follow_configured_embedder()
    upkeep.follow_configured_embedder()
    [job] = build_jobs()
    assert building.build_vectors(**job)

    assert active() == "new" and len(NEW.embedded) == 5, "no text twice"


def test_what_arrives_meanwhile_is_found_by_the_old_model_and_then_by_the_new_one(ada, library, configure):
    model_id = begin_building(configure)
    answers = iter([False, False, False, True])  # all of what is there, but not the end
    add_text(ada, collection_id=library.pk, source="bird", title="", text="A canary.")
    bird = Document.objects.get(source="bird")
    building.build_vectors(model_id, should_stop=lambda: next(answers, True))
    late = add_text(ada, collection_id=library.pk, source="late", title="", text="Another canary.")

    flow.embed_document(late.pk)
    assert not embedding_models.switch_to(model_id), "the old model knows a text that the new one does not"
    flow.embed_document(bird.pk)
    for document in (bird, late):
        document.refresh_from_db()
        assert document.status == Document.Status.READY
    assert building.build_vectors(model_id)

    assert active() == "new"
    assert Embedding.objects.filter(model=model_id).count() == 7
    assert found(ada) == WHALES


def test_a_text_that_only_waits_for_its_vectors_does_not_hold_up_the_switch(ada, library, configure):
    model_id = begin_building(configure)
    while building.chunks_behind(model_id).exists():
        chunk = building.chunks_behind(model_id)[0]
        embedding_models.store_building_vectors(
            model_id, [chunk.pk], NEW.embed_passages([building.passage_to_embed(chunk)])
        )
    waiting = add_text(ada, collection_id=library.pk, source="late", title="", text="A canary.")

    assert embedding_models.switch_to(model_id)
    assert flow.embed_document(waiting.pk)

    waiting.refresh_from_db()
    assert (waiting.status, waiting.embedded_count) == (Document.Status.READY, 1)


def test_vectors_of_a_model_that_was_replaced_are_refused_and_made_by_the_next(ada, library, configure):
    document = add_text(ada, collection_id=library.pk, source="late", title="", text="A canary.")
    old = EmbeddingModel.objects.get(active=True)
    embedding_models.use_embedding_model("new", 5)

    with pytest.raises(processing.ModelReplaced):
        processing.store_vectors(document.pk, old.pk, [1], np.eye(3)[:1])
    assert not flow.embed_document(document.pk, embedder=OLD)

    task = ProcrastinateJob.objects.order_by("pk").last()
    assert (task.task_name, task.args) == ("rag.embed_document", {"document_id": document.pk})


def test_a_failing_embedder_leaves_its_reason_and_the_old_model_in_charge(ada, library, configure):
    model_id = begin_building(configure)
    NEW.failures = [EmbeddingError("busy", retryable=True), EmbeddingError("wrong key", retryable=False)]

    with pytest.raises(EmbeddingError):
        building.build_vectors(model_id)
    assert EmbeddingModel.objects.get(pk=model_id).problem == "busy"
    assert building.build_vectors(model_id)
    assert EmbeddingModel.objects.get(pk=model_id).problem == "wrong key"
    assert active() == "old" and found(ada) == WHALES

    assert building.build_vectors(model_id)
    assert EmbeddingModel.objects.get(pk=model_id).problem == ""
    assert active() == "new"


def test_going_back_before_the_switch_gives_the_building_up_and_after_it_needs_no_vectors(
    ada, library, configure
):
    model_id = begin_building(configure)
    building.build_vectors(model_id, should_stop=iter([False, True]).__next__)
    configure(OLD)
    upkeep.follow_configured_embedder()

    assert building.build_vectors(model_id, embedder=NEW)
    assert (active(), EmbeddingModel.objects.get(pk=model_id).state) == ("old", "retired")

    begin_building(configure)
    assert building.build_vectors(model_id)
    configure(OLD)
    OLD.embedded.clear()
    upkeep.follow_configured_embedder()
    assert building.build_vectors(EmbeddingModel.objects.get(name="old").pk)
    assert active() == "old" and OLD.embedded == []


def test_a_model_that_came_back_is_not_dropped(library, configure):
    embedding_models.use_embedding_model("new", 5)
    old = EmbeddingModel.objects.get(name="old")
    assert embedding_models.drop_retired_models() == 0, "not within a day"
    EmbeddingModel.objects.filter(name="old").update(
        retired_at=timezone.now() - 2 * embedding_models.KEEP_RETIRED
    )

    embedding_models.build_embedding_model("old", 3)

    assert not embedding_models._drop(old)
    assert Embedding.objects.filter(model=old).count() == 5


def test_a_chunk_that_went_while_its_vector_was_made_is_left_out(library, configure):
    model_id = begin_building(configure)
    chunks = list(building.chunks_behind(model_id)[:2])
    with connection.cursor() as cursor:
        cursor.execute("SELECT rag_drop_chunks(%s)", [chunks[0].document_id])

    assert embedding_models.store_building_vectors(model_id, [chunk.pk for chunk in chunks], np.eye(5)[:2])

    assert list(Embedding.objects.filter(model=model_id).values_list("chunk_id", flat=True)) == [chunks[1].pk]


def test_admins_see_how_far_a_model_is_and_may_let_it_answer_or_go(client, library, configure):
    client.force_login(make_user("root", is_superuser=True, is_staff=True))
    address = reverse("admin:rag_embeddingmodel_changelist")
    model_id = begin_building(configure)
    building.build_vectors(model_id, should_stop=iter([False, True]).__next__)

    page = client.get(address).content.decode()
    assert "2 of 5 passages" in page and "5 of 5 passages" in page and "building" in page

    client.post(address, {"action": "answer_now", "_selected_action": [model_id]})
    assert active() == "new"
    old = EmbeddingModel.objects.get(name="old")
    client.post(address, {"action": "drop_now", "_selected_action": [old.pk]})
    assert not embedding_models.drop_retired_models(), "a search may still read them"
    EmbeddingModel.objects.filter(pk=old.pk).update(retired_at=timezone.now() - timedelta(minutes=2))
    client.post(address, {"action": "drop_now", "_selected_action": [old.pk]})
    assert ProcrastinateJob.objects.filter(task_name="rag.drop_retired_models", status="todo").count() == 1
    assert embedding_models.drop_retired_models() == 1
