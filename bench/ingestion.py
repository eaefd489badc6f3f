"""A long PDF: how soon its words are found, how fast its vectors are made.

The worker's vectors per second are set against the bare embedder in a loop over the same chunks, run before and
after each document, so that a machine that grows slower meanwhile does so for both.
"""

import json
import math
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean

from bench.figures import print_table, spread
from bench.pdf import write_pdf
from bench.processes import cpu_s, family, part_of
from bench.program import ROOT, BenchError, Program, running

PAGES = 120
DOCUMENTS = 3
TIMEOUT_S = 600.0
# Words that stand nowhere else, one pair for each document; the first document also loads the models.
RARE = ("zyzzogeton quaggaberry", "mumpsimus borborygm", "ultracrepid widdershin", "floccinauc tatterdem")
UPLOAD = "mutation ($input: UploadDocumentInput!) { uploadDocument(input: $input) { id } }"
FIND = "query ($query: String!) { similaritySearch(query: $query, topK: 1) { text document { id } } }"


@dataclass(frozen=True)
class Ingested:
    """One document, times in seconds since its upload began."""

    uploaded_s: float
    found_s: float
    ready_s: float
    chunks: int
    speed: "Speed"


@dataclass(frozen=True)
class Speed:
    """Of making vectors. Other work on the machine slows the first figure and hardly touches the second."""

    vectors_per_s: float
    cpu_ms: float  # of all cores, for one vector


def main() -> None:
    """Print seconds until found and READY, and the ratio of the worker to the bare embedder."""
    with running() as program, tempfile.TemporaryDirectory() as folder:
        program.settle()
        documents: list[Ingested] = []
        bare: list[Speed] = []
        for words in RARE[: DOCUMENTS + 1]:
            path = Path(folder, f"{words.split()[0]}.pdf")
            write_pdf(path, pages=PAGES, last_words=words)
            documents.append(ingest(program, path, words))
            bare.append(bare_speed(program))
    _print(documents[0], documents[1:], bare)


def ingest(program: Program, path: Path, words: str) -> Ingested:
    """Upload it, and wait until its last page's words are found and all its vectors are there.

    Raises:
        BenchError: it failed, or took ten minutes.
    """
    [(collection,)] = program.rows("select id from rag_collection where name = 'Parley'")
    begun = time.perf_counter()
    upload = {"collectionId": str(collection), "file": None, "title": path.stem}
    document = program.graphql(UPLOAD, {"input": upload}, file=path)["uploadDocument"]["id"]
    uploaded = time.perf_counter() - begun
    while not _is_found(program, words, document):
        _check(program, document, begun)
        time.sleep(0.05)
    found = time.perf_counter() - begun
    worker = next(pid for pid in family(program.pid) if part_of(pid, program.pid) == "worker")
    embedded, cpu = _embedded(program, document), cpu_s(worker)
    while _check(program, document, begun) != "ready":
        time.sleep(0.25)
    ready, cpu = time.perf_counter() - begun, cpu_s(worker) - cpu
    [(chunks, seconds)] = program.rows(
        "select chunk_count, extract(epoch from ready_at - searchable_at)::float from rag_document where id = %s",
        [document],
    )
    speed = Speed(chunks / seconds, cpu * 1000 / (chunks - embedded))
    return Ingested(uploaded, found, ready, chunks, speed)


def bare_speed(program: Program) -> Speed:
    """What the embedder alone reaches on the chunks of the newest document."""
    # As `rag.ingestion.flow.passage_to_embed` makes them.
    texts = program.rows(
        """select concat_ws(E'\\n', nullif(d.title, ''), nullif(c.heading, ''), c.text)
        from rag_chunk c join rag_document d on d.id = c.document_id
        where d.id = (select max(id) from rag_document) order by c.ordinal"""
    )
    done = subprocess.run(
        [sys.executable, "-m", "bench.bare_embedder"],
        input=json.dumps([text for (text,) in texts]),
        cwd=ROOT,
        env=program.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return Speed(**json.loads(done.stdout))


def _is_found(program: Program, words: str, document: str) -> bool:
    found = program.graphql(FIND, {"query": words})["similaritySearch"]
    return any(passage["document"]["id"] == document and words in passage["text"] for passage in found)


def _embedded(program: Program, document: str) -> int:
    [(count,)] = program.rows("select embedded_count from rag_document where id = %s", [document])
    return int(count)


def _check(program: Program, document: str, begun: float) -> str:
    [(status, message)] = program.rows(
        "select status, error_message from rag_document where id = %s", [document]
    )
    if status == "failed":
        raise BenchError(f"the document failed: {message}")
    if time.perf_counter() - begun > TIMEOUT_S:
        raise BenchError(f"the document is still {status} after {TIMEOUT_S:.0f} s")
    return str(status)


def _print(first: Ingested, documents: list[Ingested], bare: list[Speed]) -> None:
    pairs = list(zip([document.speed for document in documents], pairwise(bare), strict=True))
    speeds = [own.vectors_per_s / mean(b.vectors_per_s for b in around) for own, around in pairs]
    costs = [mean(b.cpu_ms for b in around) / own.cpu_ms for own, around in pairs]
    print_table(
        f"A PDF of {PAGES} pages, {first.chunks} chunks; {len(documents)} documents after a first one",
        ["", "first", "median", "min", "max", "target"],
        [
            _row("uploaded, s", [d.uploaded_s for d in (first, *documents)], digits=2),
            _row(
                "last page found by its words, s", [d.found_s for d in (first, *documents)], "< 5", digits=2
            ),
            _row("all vectors there, s", [d.ready_s for d in (first, *documents)]),
            _row("worker, vectors/s", [d.speed.vectors_per_s for d in (first, *documents)]),
            _row("bare embedder, vectors/s", [b.vectors_per_s for b in bare]),
            _row("worker / bare embedder", [math.nan, *speeds], ">= 0.9", digits=2),
            _row("worker, CPU ms for a vector", [d.speed.cpu_ms for d in (first, *documents)]),
            _row("bare embedder, CPU ms for a vector", [b.cpu_ms for b in bare]),
            _row("worker / bare embedder, by CPU time", [math.nan, *costs], ">= 0.9", digits=2),
        ],
        "Times count from the start of the upload. The first document also loads the models.",
        "The bare embedder ran before and after each document; on a busy machine trust the CPU time.",
    )


def _row(name: str, values: list[float], target: str = "", *, digits: int = 1) -> list[str]:
    first, *others = values
    shown = "" if math.isnan(first) else f"{first:.{digits}f}"
    return [name, shown, *spread(others, digits), target]


if __name__ == "__main__":
    main()
