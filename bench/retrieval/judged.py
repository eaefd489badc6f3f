"""How good and how quick search is on judged data sets.

RETRIEVAL_DATA names a folder with one folder per set: `corpus.jsonl` ({id, title, text}), `queries.jsonl` ({id,
text}) and `qrels.tsv` (query, document, grade, with a header). They are loaded and searched by the `manage.py
retrieval` commands, all loaded before the first is searched: a set on its own has other document frequencies. Beside
the search's own order stand those of its parts: the same hundred passages by BM25 alone and by cosine alone.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.figures import percentile, print_table
from bench.program import ROOT, BenchError, Program, running

Grades = dict[str, dict[str, int]]
Run = dict[str, list[str]]
HEAD = (
    "",
    "queries",
    "chunks",
    "chunks/s",
    "nDCG@10",
    "BM25 alone",
    "cosine alone",
    "recall@20",
    "ms, median",
    "p95",
)


def main() -> None:
    """Print a row for each set; says so and does nothing without RETRIEVAL_DATA."""
    folder = os.environ.get("RETRIEVAL_DATA")
    sets = sorted(path.parent for path in Path(folder).glob("*/qrels.tsv")) if folder else []
    if not sets:
        print("\nRetrieval: set RETRIEVAL_DATA to a folder of data sets; nothing measured.\n")
        return
    with running() as program:
        program.settle()
        seconds = [_load(program, path) for path in sets]
        rows = [_measure(program, path, loaded_s) for path, loaded_s in zip(sets, seconds, strict=True)]
    print_table(
        "Search on judged data sets",
        HEAD,
        rows,
        "BM25 and cosine alone: the order by one score of the hundred passages that the fused search found.",
        "ms: one search for ten passages, the question's embedding included.",
    )


def _load(program: Program, path: Path) -> float:
    """Load a set into a collection of its name; the seconds it took, vectors included."""
    begun = time.perf_counter()
    program.command("manage.py", "retrieval", "load", str(path / "corpus.jsonl"), "--collection", path.name)
    return time.perf_counter() - begun


def _measure(program: Program, path: Path, loaded_s: float) -> list[object]:
    name = path.name
    out = program.data_dir / f"{name}.tsv"
    queries = path / "queries.jsonl"
    program.command(
        *("manage.py", "retrieval", "run", str(queries), str(out), "--collection", name, "--top", "100")
    )
    [(chunks,)] = program.rows(
        """select count(*) from rag_chunk c join rag_document d on d.id = c.document_id
        join rag_collection l on l.id = d.collection_id where l.name = %s""",
        [name],
    )
    grades = _grades(path / "qrels.tsv")
    run = _run(out)
    searches = _search_loop(program, name, queries)
    by_bm25 = {search["id"]: _order(search["found"], score=2) for search in searches}
    by_cosine = {search["id"]: _order(search["found"], score=1) for search in searches}
    times = [search["ms"] for search in searches]
    scores = (ndcg(run, grades), ndcg(by_bm25, grades), ndcg(by_cosine, grades), recall(run, grades, 20))
    return [
        *(name, len(grades), chunks, f"{chunks / loaded_s:.0f}"),
        *(f"{score:.3f}" for score in scores),
        *(f"{value:.1f}" for value in (statistics.median(times), percentile(times, 95))),
    ]


def ndcg(run: Run, grades: Grades, depth: int = 10) -> float:
    """Mean nDCG over all judged queries, linear gain as in trec_eval; a query without a run counts 0."""
    return statistics.mean(
        _dcg(judged.get(document, 0) for document in run.get(query, [])[:depth])
        / _dcg(sorted(judged.values(), reverse=True)[:depth])
        for query, judged in grades.items()
    )


def recall(run: Run, grades: Grades, depth: int) -> float:
    """Mean share of a query's relevant documents among its first `depth`."""
    return statistics.mean(
        len(judged.keys() & set(run.get(query, [])[:depth])) / len(judged) for query, judged in grades.items()
    )


def _dcg(gains: Iterable[int]) -> float:
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))


def _grades(path: Path) -> Grades:
    """Relevant documents with their grades by query; queries without any are left out."""
    grades: Grades = defaultdict(dict)
    for line in path.read_text().splitlines()[1:]:
        query, document, grade = line.split("\t")
        if int(grade) > 0:
            grades[query][document] = int(grade)
    return grades


def _run(path: Path) -> Run:
    """Documents by query, best first; one found by several passages counts where it comes first."""
    places: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for line in path.read_text().splitlines():
        query, document, rank, *_ = line.split("\t")
        if rank.isdigit():  # not the header, where there is one
            places[query].append((int(rank), document))
    return {query: _once(document for _, document in sorted(found)) for query, found in places.items()}


def _order(found: list[list[Any]], *, score: int) -> list[str]:
    """Documents by one score, those without it left out."""
    scored = [(float(row[score]), str(row[0])) for row in found if row[score]]
    return _once(document for _, document in sorted(scored, key=lambda row: -row[0]))


def _once(documents: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(documents))


def _search_loop(program: Program, collection: str, queries: Path) -> list[dict[str, Any]]:
    with queries.open("rb") as questions:
        done = subprocess.run(
            [sys.executable, "-m", "bench.search_loop", collection],
            stdin=questions,
            cwd=ROOT,
            env=program.environment,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise BenchError(f"bench.search_loop: {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]
