"""The embedder in a loop and nothing else: `python -m bench.bare_embedder < TEXTS.json`, texts as a JSON list.

Prints vectors per second. The same embedder with the same settings as the worker's, in the same environment.
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
    begun = time.perf_counter()
    for place in range(0, len(texts), BATCH):
        embedder.embed_passages(texts[place : place + BATCH])
    print(len(texts) / (time.perf_counter() - begun))


if __name__ == "__main__":
    main()
