"""Documents whose words were indexed by older rules are indexed again: the flow of job `rag.index_words_again`.

In the order of their ids, at most 1000 chunks per transaction, beside searches and new documents. It may be killed
anywhere and begun again: what is done is passed over, and `rag.follow_lexical_rules` enqueues a job that was lost.
"""

import logging
import time
from collections.abc import Callable

from rag.actions import reindexing
from rag.models import LEXICAL_VERSION
from rag.selectors import documents_indexed_before

logger = logging.getLogger(__name__)

REINDEX_SLICE_S = 20.0  # then documents that wait get their turn


def _never() -> bool:
    return False


def index_words_again(
    *,
    document_id: int = 0,
    first: int = 0,
    should_stop: Callable[[], bool] = _never,
    slice_s: float = REINDEX_SLICE_S,
) -> bool:
    """Go on with chunk `first` of that document, then with those above it. True when there are none left.

    After `slice_s` seconds, or when told to stop, the rest is enqueued.
    """
    deadline = time.monotonic() + slice_s
    behind = documents_indexed_before(LEXICAL_VERSION).order_by("pk").values_list("pk", flat=True)
    while (next_id := behind.filter(pk__gte=document_id).first()) is not None:
        if next_id != document_id:
            document_id, first = next_id, 0
        if should_stop() or time.monotonic() > deadline:
            reindexing.continue_indexing_again(document_id=document_id, first=first)
            logger.info("The words of %d documents are still to be indexed again", behind.count())
            return False
        first = reindexing.reindex_chunks(document_id, first=first)
    logger.info("The words of all documents are indexed by the rules of now")
    return True
