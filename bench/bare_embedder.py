"""The embedder in a loop and nothing else: `python -m bench.bare_embedder < TEXTS.json`, texts as a JSON list.

Prints `{vectors_per_s, cpu_ms}`, the latter per vector.
The same embedder with the same settings as the worker's, in the same environment.
"""

import json
import sys
import time

from rag.embeddings.configuration import embedder_for

BATCH = 16


def main() -> None:
    """One untimed batch to load the model, then all texts."""
    texts: list[str] = json.load(sys.stdin)
    embedder = embedder_for()
    embedder.embed_passages(texts[:BATCH])
    begun, cpu = time.perf_counter(), time.process_time()
    for place in range(0, len(texts), BATCH):
        embedder.embed_passages(texts[place : place + BATCH])
    took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    print(json.dumps({"vectors_per_s": len(texts) / took, "cpu_ms": cpu * 1000 / len(texts)}))


if __name__ == "__main__":
    main()
