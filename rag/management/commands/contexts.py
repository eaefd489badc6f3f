import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rag.actions.answers import model_choices
from rag.actions.contexts import queue_contexts
from rag.models import Document


class Command(BaseCommand):
    help = (
        "Have a language model write contexts for the chunks of documents that are ready and have none yet. Each chunk"
        " is a call of the model (docs/retrieval.md). The workers do it; run it again for what failed."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--collection", metavar="NAME", help="only its documents; otherwise all")

    def handle(self, *args: Any, **options: Any) -> None:
        if not model_choices():
            raise CommandError("There is no language model that could write them (docs/settings.md).")
        documents = Document.objects.filter(status=Document.Status.READY, chunks__context="").distinct()
        if options["collection"]:
            documents = documents.filter(collection__name__iexact=options["collection"])
        queued = sum(queue_contexts(pk) for pk in documents.order_by("pk").values_list("pk", flat=True))
        self.stdout.write(f"Queued: {queued} document{'' if queued == 1 else 's'}.")
