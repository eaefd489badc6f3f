"""What the commands that fill collections have in common: whose they are, and waiting for their documents."""

import argparse
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, OutputWrapper
from django.db.models import Q, Sum

from rag.actions import create_collection
from rag.jobs.local_worker import work_until
from rag.management.progress import ProgressBar
from rag.models import Collection, Document
from rag.selectors import collections_writable_by

if TYPE_CHECKING:
    from chat.models import User


def add_owner_argument(parser: argparse.ArgumentParser) -> None:
    """`--owner USERNAME`."""
    parser.add_argument("--owner", metavar="USERNAME", help="who uploads (the first administrator)")


def owner_named(username: str | None) -> "User":
    """The user of that name, or the first administrator.

    Raises:
        CommandError: there is none.
    """
    people = get_user_model().objects.filter(is_active=True, is_bot=False).order_by("pk")
    if username:
        owner = people.filter(username__iexact=username).first()
        if owner is None:
            raise CommandError(f"There is no active user named {username!r}.")
        return owner
    owner = people.filter(is_superuser=True).first()
    if owner is None:
        raise CommandError(
            "There is no administrator yet: run `python manage.py createsuperuser`, or give --owner."
        )
    return owner


def collection_named(owner: "User", name: str, *, everyone: bool) -> Collection:
    """The collection of that name to which the owner may write, his or her own first; made if there is none."""
    own_first = sorted(
        collections_writable_by(owner).filter(name__iexact=" ".join(name.split())),
        key=lambda collection: (collection.owner_id != owner.pk, collection.pk),
    )
    return own_first[0] if own_first else create_collection(owner, name=name, everyone=everyone)


def finish(document_ids: Sequence[int], out: OutputWrapper, errors: OutputWrapper) -> None:
    """Work until all documents are READY or FAILED, showing how far they are; then say what became of them.

    Raises:
        CommandError: some failed, each with its reason on `errors`; or the command was interrupted.
    """
    begun_at = time.monotonic()
    # Members of archives are documents, too, and become known while these are worked on.
    documents = Document.objects.filter(Q(pk__in=document_ids) | Q(part_of__in=document_ids))
    ended = Q(status__in=(Document.Status.READY, Document.Status.FAILED))
    bar = ProgressBar()

    def is_done() -> bool:
        finished = documents.filter(ended).count()
        sums = documents.aggregate(made=Sum("embedded_count"), chunks=Sum("chunk_count"))
        # A document that was not read yet counts as one passage.
        waiting = documents.filter(chunk_count=0).exclude(ended).count()
        made, chunks = sums["made"] or 0, (sums["chunks"] or 0) + waiting
        bar.show(made, chunks, f"{finished} of {documents.count()} documents, {made} passages")
        return finished == documents.count()

    done = is_done() or work_until(is_done)
    bar.close()
    failed = list(documents.filter(status=Document.Status.FAILED).order_by("source"))
    for document in failed:
        errors.write(f"FAILED {document.source}: {document.error_message} ({document.error_code})")
    ready = documents.filter(status=Document.Status.READY).count()
    out.write(f"{ready} READY, {len(failed)} FAILED in {time.monotonic() - begun_at:.1f} s")
    if not done:
        raise CommandError("Interrupted. What is left is done by a worker, or when the command is run again.")
    if failed:
        raise CommandError(f"{len(failed)} of {documents.count()} documents failed.")
