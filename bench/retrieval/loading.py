"""Putting a corpus into Parley's tables: by COPY with the indexes built afterwards, and live as the program does."""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.db import connection, transaction

from bench.retrieval.corpus import COLLECTIONS, DIMENSIONS, DOCUMENT_CHUNKS, TOPICAL, Block, Corpus
from chat.models import Membership, Room, User
from rag.embeddings.vector_index import make_index
from rag.models import Collection, CollectionShare, Document, EmbeddingModel

LIVE_CHUNKS = 2_000
LIVE_BATCH = 1_000
AUDIENCES = {"1 %": range(1), "10 %": range(10), "10 %, one topic": TOPICAL, "100 %": range(COLLECTIONS)}
# As rag_index_chunks does it, for all chunks at once. One pass over the words serves both frequencies and weights.
_WORDS = """CREATE TEMP TABLE bench_word AS
    SELECT c.id AS chunk_id, u.lexeme, cardinality(u.positions) AS tf,
           (sum(cardinality(u.positions)) OVER (PARTITION BY c.id))::int AS length
    FROM rag_chunk c, unnest(rag_lexemes(c.text, 'english')) u"""
_FREQUENCIES = """INSERT INTO rag_lexeme (lexeme, frequency)
    SELECT lexeme, count(*) FROM bench_word GROUP BY lexeme"""
_WEIGHTS = """INSERT INTO rag_lexicalvector (chunk_id, collection_id, weights)
    SELECT w.chunk_id, d.collection_id, ('{' || w.weights || '}/1000000000')::sparsevec FROM (
        SELECT b.chunk_id,
               string_agg(l.id || ':' || (b.tf * 2.2 / (b.tf + 1.2 * (0.25 + 0.75 * b.length / 100.0)))::float4, ',')
                   AS weights
        FROM bench_word b JOIN rag_lexeme l USING (lexeme) GROUP BY b.chunk_id) w
    JOIN rag_chunk c ON c.id = w.chunk_id JOIN rag_document d ON d.id = c.document_id"""
_COUNTS = """WITH counted AS (
        INSERT INTO rag_collectionstatistic (collection_id, chunk_count)
        SELECT collection_id, count(*) FROM rag_lexicalvector GROUP BY collection_id RETURNING chunk_count)
    INSERT INTO rag_corpusstatistic (id, chunk_count, average_length) SELECT 1, sum(chunk_count), 100 FROM counted"""
_TERMS = """CREATE INDEX rag_lexicalvector_terms ON rag_lexicalvector
    USING gin (rag_term_ids(weights)) WITH (fastupdate = off)"""


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
    for block in corpus.blocks():
        _make_documents(block, owner, collections)
        begun = time.perf_counter()
        with transaction.atomic():
            _copy_chunks(block.first, block.texts)
            _copy_vectors(
                block.first, block.vectors, [collections[n] for n in block.collections], loaded.model.pk
            )
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


def _copy_vectors(first: int, vectors: Any, collections: list[int], model: int) -> None:
    """Binary, as rows of one size: halfvec is its dimensions, a zero and 16-bit floats, all big-endian."""
    size = 4 + 2 * DIMENSIONS
    row = np.dtype(
        [
            *(("fields", ">i2"), ("l1", ">i4"), ("chunk", ">i8"), ("l2", ">i4"), ("model", ">i8")),
            *(("l3", ">i4"), ("collection", ">i8"), ("l4", ">i4"), ("dimensions", ">i2"), ("unused", ">i2")),
            ("vector", ">f2", (DIMENSIONS,)),
        ]
    )
    rows = np.zeros(len(vectors), row)
    rows["fields"], rows["l1"], rows["l2"], rows["l3"], rows["l4"] = 4, 8, 8, 8, size
    rows["chunk"] = np.arange(first + 1, first + 1 + len(vectors))
    rows["model"], rows["collection"], rows["dimensions"] = model, collections, DIMENSIONS
    rows["vector"] = vectors
    statement = "COPY rag_embedding (chunk_id, model_id, collection_id, vector) FROM STDIN (FORMAT binary)"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\x00" + bytes(8))
        copy.write(rows.tobytes())
        copy.write((-1).to_bytes(2, "big", signed=True))


def _build(loaded: Loaded) -> None:
    """Everything that is derived from chunks and vectors, in the order in which it is quickest."""
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX rag_lexicalvector_terms")
        cursor.execute("SET work_mem = '128MB'")
        for name, statement in (
            ("words of the chunks", _WORDS),
            ("document frequencies", _FREQUENCIES),
            ("BM25 weights", _WEIGHTS),
            ("counts", _COUNTS),
            ("index over terms", _TERMS),
        ):
            begun = time.perf_counter()
            cursor.execute(statement)
            loaded.seconds[name] = time.perf_counter() - begun
        cursor.execute("DROP TABLE bench_word")
        cursor.execute("RESET work_mem")
        begun = time.perf_counter()
        make_index(loaded.model)
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
            _copy_vectors(
                first, block.vectors[place : place + LIVE_BATCH], [collection] * LIVE_BATCH, loaded.model.pk
            )
        loaded.live["words, frequencies kept"] += middle - begun
        loaded.live["vectors, index kept"] += time.perf_counter() - middle
