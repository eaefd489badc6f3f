"""Putting a corpus into Parley's tables: by COPY with the indexes built afterwards, and live as the program does."""

import time
from dataclasses import dataclass, field

from django.db import connection, transaction

from bench.retrieval.corpus import COLLECTIONS, DIMENSIONS, DOCUMENT_CHUNKS, TOPICAL, Block, Corpus
from chat.models import Membership, Room, User
from rag.embeddings import vector_index
from rag.embeddings.copying import copy_vectors
from rag.models import Collection, CollectionShare, Document, EmbeddingModel
from rag.retrieval import term_index

LIVE_CHUNKS = 2_000
LIVE_BATCH = 1_000
AUDIENCES = {"1 %": range(1), "10 %": range(10), "10 %, one topic": TOPICAL, "100 %": range(COLLECTIONS)}
_INDEXED_DOCUMENTS = 1_000  # in one transaction, as rag.ingestion.bulk has them


@dataclass(slots=True)
class Loaded:
    """What was made: the audiences' users by name, the model of the vectors, and how long each step took."""

    users: dict[str, User]
    model: EmbeddingModel
    seconds: dict[str, float] = field(default_factory=dict)
    live: dict[str, float] = field(default_factory=dict)  # seconds for LIVE_CHUNKS


def load(corpus: Corpus) -> Loaded:
    """Fill empty tables. What is left out of the clock is made by the ORM: people, collections, rows of documents."""
    loaded = Loaded(
        _audiences(), EmbeddingModel.objects.create(name="bench", dimensions=DIMENSIONS, active=True)
    )
    owner = loaded.users["100 %"]
    collections = list(Collection.objects.order_by("pk").values_list("pk", flat=True))
    loaded.seconds["COPY of chunks and vectors"] = 0.0
    term_index.drop_index()
    for block in corpus.blocks():
        _make_documents(block, owner, collections)
        begun = time.perf_counter()
        with transaction.atomic():
            _copy_chunks(block.first, block.texts)
            chunks = range(block.first + 1, block.first + 1 + len(block.texts))
            copy_vectors(loaded.model.pk, chunks, [collections[n] for n in block.collections], block.vectors)
        loaded.seconds["COPY of chunks and vectors"] += time.perf_counter() - begun
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('rag_chunk_id_seq', %s)", [corpus.chunks + 1])
        cursor.execute("SELECT setval('rag_document_id_seq', %s)", [corpus.chunks // DOCUMENT_CHUNKS + 2])
    _build(loaded)
    _go_live(loaded, collections[-1], owner)
    return loaded


def _audiences() -> dict[str, User]:
    """A user for each audience, who reads its collections by a room of their own."""
    users = {}
    for number, name in enumerate(AUDIENCES):
        users[name] = User.objects.create_user(f"bench{number}")
        room = Room.objects.create(name=f"bench {number}", kind="private")
        Membership.objects.create(room=room, user=users[name])
    Collection.objects.bulk_create(Collection(name=f"bench {n}", owner=_keeper()) for n in range(COLLECTIONS))
    collections = list(Collection.objects.order_by("pk"))
    rooms = Room.objects.order_by("pk")
    for room, readable in zip(rooms, AUDIENCES.values(), strict=True):
        CollectionShare.objects.bulk_create(
            CollectionShare(collection=collections[n], room=room) for n in readable
        )
    return users


def _keeper() -> User:
    return User.objects.get_or_create(username="keeper")[0]


def _make_documents(block: Block, owner: User, collections: list[int]) -> None:
    Document.objects.bulk_create(
        Document(
            id=(block.first + place) // DOCUMENT_CHUNKS + 1,
            collection_id=collections[block.collections[place]],
            title="",
            source=f"{block.first + place}",
            media_type="text/plain",
            size_bytes=1,
            status=Document.Status.READY,
            chunk_count=DOCUMENT_CHUNKS,
            uploaded_by=owner,
        )
        for place in range(0, len(block.texts), DOCUMENT_CHUNKS)
    )


def _copy_chunks(first: int, texts: list[str], document: int | None = None) -> None:
    """Chunk ids are numbers from 1, in documents of DOCUMENT_CHUNKS or all in one."""
    statement = 'COPY rag_chunk (id, document_id, ordinal, text, start, "end", heading) FROM STDIN'
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for place, text in enumerate(texts):
            number = first + place
            owner = document or number // DOCUMENT_CHUNKS + 1
            ordinal = place if document else number % DOCUMENT_CHUNKS
            copy.write(f"{number + 1}\t{owner}\t{ordinal}\t{text}\t0\t{len(text)}\t\n")


def _build(loaded: Loaded) -> None:
    """Everything that is derived from chunks and vectors, as rag.ingestion.bulk derives it."""
    with connection.cursor() as cursor:
        documents = list(Document.objects.order_by("pk").values_list("pk", flat=True))
        begun = time.perf_counter()
        for place in range(0, len(documents), _INDEXED_DOCUMENTS):
            batch = documents[place : place + _INDEXED_DOCUMENTS]
            cursor.execute("SELECT rag_index_documents(%s)", [batch])
        loaded.seconds["words, document frequencies, BM25 weights"] = time.perf_counter() - begun
        begun = time.perf_counter()
        term_index.make_index()
        loaded.seconds["index over terms"] = time.perf_counter() - begun
        cursor.execute("ANALYZE rag_embedding")  # the build takes its memory by it
        begun = time.perf_counter()
        vector_index.make_index(loaded.model)
        loaded.seconds["index over vectors"] = time.perf_counter() - begun
        for table in ("rag_chunk", "rag_document", "rag_lexeme", "rag_lexicalvector", "rag_embedding"):
            cursor.execute(f"VACUUM ANALYZE {table}")


def _go_live(loaded: Loaded, collection: int, owner: User) -> None:
    """Documents of LIVE_BATCH chunks into full tables, each in the transactions in which the program writes them."""
    block = next(iter(Corpus(LIVE_CHUNKS, seed=8).blocks()))
    loaded.live = {"words, frequencies kept": 0.0, "vectors, index kept": 0.0}
    for place in range(0, LIVE_CHUNKS, LIVE_BATCH):
        document = Document.objects.create(
            collection_id=collection,
            source=f"live {place}",
            media_type="text/plain",
            size_bytes=1,
            status=Document.Status.READY,
            chunk_count=LIVE_BATCH,
            uploaded_by=owner,
        )
        with connection.cursor() as cursor:
            cursor.execute("SELECT max(id) FROM rag_chunk")
            [first] = cursor.fetchone()
        begun = time.perf_counter()
        with transaction.atomic(), connection.cursor() as cursor:
            _copy_chunks(first, block.texts[place : place + LIVE_BATCH], document.pk)
            cursor.execute("SELECT rag_index_chunks(%s, 0, %s)", [document.pk, LIVE_BATCH])
        middle = time.perf_counter()
        with transaction.atomic():
            chunks = range(first + 1, first + 1 + LIVE_BATCH)
            vectors = block.vectors[place : place + LIVE_BATCH]
            copy_vectors(loaded.model.pk, chunks, [collection] * LIVE_BATCH, vectors)
        loaded.live["words, frequencies kept"] += middle - begun
        loaded.live["vectors, index kept"] += time.perf_counter() - middle
