"""Speed of ingestion and search on a large synthetic corpus, in an embedded PostgreSQL of its own."""

import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.figures import percentile, print_table
from bench.program import UNSET, data_folder

SEARCHES = 200  # timed, for each audience
WARM_UP = 100  # asked before, for each audience
COMPARED = 40  # of them also by the exact computation
TOP = 10
EXACT = 10**9  # chunks up to which all are scored: any number
TABLES = ("rag_chunk", "rag_lexicalvector", "rag_embedding")
BARE = """SELECT chunk_id FROM rag_embedding WHERE model_id = {model}
    ORDER BY vector::halfvec({dimensions}) <=> %s::halfvec({dimensions}) LIMIT {top}"""


def main(chunks: int) -> None:
    """Load `chunks` chunks, then print rates, sizes, times and recall."""
    with data_folder() as folder:
        with _database(folder):
            from bench.retrieval.corpus import Corpus
            from bench.retrieval.loading import load

            corpus = Corpus(chunks)
            loaded = load(corpus)
            _print_rates(chunks, loaded)
            _print_sizes(chunks)
        # Of blocks all over the corpus, the same ones in every run.
        questions = random.Random(7).sample(corpus.questions, min(SEARCHES, len(corpus.questions)))
        with _database(folder):  # started anew, PostgreSQL has the memory that the database has grown to need
            print_table(
                f"Search over {chunks} chunks for {TOP} passages, milliseconds",
                ["", "searches", "p50", "p99", f"recall@{TOP}"],
                [*_searches(loaded, questions), *_bare(loaded, questions)],
                "Parley: permission, words, vectors, fusion and texts; the question's vector is given.",
                "Recall of Parley: against the same with every visible chunk scored; of pgvector: against all vectors.",
            )


@contextmanager
def _database(folder: Path) -> Iterator[None]:
    """Django over a fresh embedded database with Parley's tables, and no worker that would touch them."""
    os.environ.update(
        dict.fromkeys(UNSET, ""), DATA_DIR=str(folder), DJANGO_SETTINGS_MODULE="project.settings"
    )
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection

    from project.embedded.addresses import embedded_addresses
    from project.embedded.services import Services

    addresses = embedded_addresses(settings.DATA_DIR)
    with Services(addresses, postgres=True, valkey=False, say=lambda line: None).use():
        call_command("migrate", verbosity=0)
        try:
            yield
        finally:
            connection.close()
            connection.close_pool()  # type: ignore[attr-defined]  # of PostgreSQL only


def _print_rates(chunks: int, loaded: Any) -> None:
    from bench.retrieval.loading import LIVE_CHUNKS

    seconds = loaded.seconds
    rows = [[name, f"{value:.1f}", f"{chunks / value:.0f}"] for name, value in seconds.items()]
    rows.append(["all of these", f"{sum(seconds.values()):.1f}", f"{chunks / sum(seconds.values()):.0f}"])
    live = loaded.live | {"live, both": sum(loaded.live.values())}
    rows += [
        [f"live: {name.removeprefix('live, ')}", f"{value:.1f}", f"{LIVE_CHUNKS / value:.0f}"]
        for name, value in live.items()
    ]
    print_table(f"Ingestion of {chunks} chunks with ready vectors", ["", "seconds", "chunks/s"], rows)


def _print_sizes(chunks: int) -> None:
    from django.db import connection

    rows = []
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(
                "SELECT pg_table_size(%s), pg_indexes_size(%s), count(*) FROM " + table, [table, table]
            )
            size, indexes, count = cursor.fetchone()
            rows.append((table, size / count, indexes / count))
    rows.append(("in all", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    print_table(
        "Bytes per chunk, and gigabytes for more of them",
        ["", "table", "indexes", "10M chunks, GB", "1G chunks, GB"],
        [
            [name, f"{own:.0f}", f"{indexes:.0f}", f"{(own + indexes) / 100:.0f}", f"{own + indexes:.0f}"]
            for name, own, indexes in rows
        ],
        "The text of a document is kept once more, as a whole (rag_documenttext): about as much as rag_chunk.",
    )


class _Given:
    """Stands for the embedder: the questions' vectors are there."""

    name, dimensions, batch_texts = "bench", 384, 1

    def __init__(self) -> None:
        self.vector: Any = None

    def embed_query(self, text: str) -> Any:
        return self.vector

    def embed_passages(self, texts: Sequence[str]) -> Any:
        raise NotImplementedError("only questions are asked here")


def _searches(loaded: Any, questions: Sequence[Any]) -> Iterator[list[str]]:
    from rag.retrieval import statement
    from rag.retrieval.search import Audience, search_with_sources

    given = _Given()
    exact = {"LEXICAL_EXACT_CHUNKS": EXACT, "DENSE_EXACT_CHUNKS": EXACT}
    usual = {name: getattr(statement, name) for name in exact}
    for name, user in loaded.users.items():
        audience = Audience.of_user(user)

        def ask(question: Any, audience: Any = audience) -> list[int]:
            given.vector = question.vector
            found = search_with_sources(audience, question.text, top_k=TOP, embedder=given)
            return [passage.chunk_id for passage, _ in found]

        times, found = _timed(ask, questions)
        for setting, value in exact.items():
            setattr(statement, setting, value)
        recall = statistics.mean(
            _recall(found[n], ask(questions[n])) for n in range(min(COMPARED, len(questions)))
        )
        for setting, value in usual.items():
            setattr(statement, setting, value)
        yield _row(f"Parley, {name} visible", times, recall)


def _bare(loaded: Any, questions: Sequence[Any]) -> Iterator[list[str]]:
    """pgvector alone: no permission, no words, no text."""
    from django.db import connection

    sql = BARE.format(model=loaded.model.pk, dimensions=loaded.model.dimensions, top=TOP)
    with connection.cursor() as cursor:

        def ask(question: Any) -> list[int]:
            cursor.execute(sql, ["[" + ",".join(format(float(x), ".6g") for x in question.vector) + "]"])
            return [chunk for (chunk,) in cursor.fetchall()]

        for breadth in (40, 200):
            cursor.execute(f"SET hnsw.ef_search = {breadth}")
            times, found = _timed(ask, questions)
            cursor.execute("SET enable_indexscan = off")
            recall = statistics.mean(
                _recall(found[n], ask(questions[n])) for n in range(min(COMPARED, len(questions)))
            )
            cursor.execute("RESET enable_indexscan")
            yield _row(f"pgvector alone, everything, ef_search {breadth}", times, recall)


def _timed(ask: Callable[[Any], list[int]], questions: Sequence[Any]) -> tuple[list[float], list[list[int]]]:
    """Milliseconds and results; the first questions are asked twice, so that the caches are warm."""
    for question in questions[:WARM_UP]:
        ask(question)
    times, found = [], []
    for question in questions:
        begun = time.perf_counter()
        found.append(ask(question))
        times.append((time.perf_counter() - begun) * 1000)
    return times, found


def _recall(found: Sequence[int], expected: Sequence[int]) -> float:
    return len(set(found) & set(expected)) / len(expected) if expected else 1.0


def _row(name: str, times: Sequence[float], recall: float) -> list[str]:
    return [
        name,
        str(len(times)),
        f"{percentile(times, 50):.1f}",
        f"{percentile(times, 99):.1f}",
        f"{recall:.3f}",
    ]
