"""Searches as the assistant's job does: `python -m bench.search_loop COLLECTION < QUERIES.jsonl`.

For each question a JSON line `{id, ms, found}`: the time of a search for ten passages, and the best hundred as
`[source, cosine, bm25]`. Runs in the environment of a running `up`, whose services it uses.
"""

import json
import os
import sys
import time

WARM_UP = 5  # loads the embedder, opens the connection
SERVED = 10
RANKED = 100


def main() -> None:
    """Time each question once, in the order of the file."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    import django

    django.setup()
    from rag.models import Collection
    from rag.retrieval.filters import SearchFilters
    from rag.retrieval.search import Audience, search, search_with_sources

    everything = Audience.everything()
    filters = SearchFilters(collection_ids=(Collection.objects.get(name=sys.argv[1]).pk,))
    questions = [json.loads(line) for line in sys.stdin]
    for question in questions[:WARM_UP]:
        search(everything, question["text"], filters=filters)
    for question in questions:
        begun = time.perf_counter()
        search(everything, question["text"], top_k=SERVED, filters=filters)
        milliseconds = (time.perf_counter() - begun) * 1000
        found = search_with_sources(
            everything, question["text"], top_k=RANKED, filters=filters, candidates=RANKED
        )
        ranked = [[source, passage.cosine, passage.bm25] for passage, source in found]
        print(json.dumps({"id": question["id"], "ms": milliseconds, "found": ranked}))


if __name__ == "__main__":
    main()
