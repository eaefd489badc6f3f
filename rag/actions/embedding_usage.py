"""What embedding servers were asked, and what that cost."""

import logging

from django.db import DatabaseError, transaction

from rag.embeddings.models import EmbeddingModel, EmbeddingUsage
from rag.embeddings.prices import default_embedding_price, embedding_cost_usd

logger = logging.getLogger(__name__)


def record_embedding_usage(model: str, *, texts: int, tokens: int, is_question: bool) -> None:
    """Add what one request used to the ledger, at the price of now.

    Part of a surrounding transaction, where there is one: questions are embedded wherever somebody searches. What
    cannot be written is logged: the vectors have been paid for, and to ask for them again would cost as much again.
    """
    try:
        with transaction.atomic():
            stored = EmbeddingModel.objects.filter(name=model).values_list("price", flat=True).first()
            price = default_embedding_price(model) if stored is None else stored
            EmbeddingUsage.objects.create(
                model=model,
                is_question=is_question,
                texts=texts,
                tokens=tokens,
                price=price,
                cost=embedding_cost_usd(tokens, price),
            )
    except DatabaseError:
        logger.exception("%d tokens of %s could not be recorded", tokens, model)
