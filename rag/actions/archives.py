"""The members of an archive as documents of their own."""

from pathlib import Path
from typing import IO

from django.db import transaction

from chat.files import Content, store_content
from rag.actions.documents import enqueue_ingestion, requeue, title_from
from rag.models import Document
from rag.quotas import require_room


def add_part(
    archive_id: int, *, path: str, file: IO[bytes], content: Content, media_type: str
) -> Document | None:
    """A document of that member, queued; None where the archive is not PARSING any more, or gone.

    Its source is the archive's and the path; the same content from there is the document that is there already, and
    belongs to this archive from now on. It replaces older ones if the archive does.

    Raises:
        QuotaExceeded: there is no room for it.
    """
    with transaction.atomic(durable=True):
        archive = Document.objects.select_for_update().filter(pk=archive_id).first()
        if archive is None or archive.status != Document.Status.PARSING:
            return None
        source = f"{archive.source}/{path}"[-500:]
        same = (
            Document.objects.select_for_update()
            .filter(collection=archive.collection_id, source=source, sha256=content.sha256)
            .first()
        )
        if same is not None:
            same.part_of = archive
            same.save(update_fields=["part_of"])
            if same.status == Document.Status.FAILED:
                requeue(same)
            return same
        stored = store_content(file, content)  # before the quota's locks, as in every upload
        require_room(
            user_id=archive.uploaded_by_id,
            collection_id=archive.collection_id,
            size_bytes=content.size_bytes,
        )
        filename = Path(path).name[-300:]
        part = Document.objects.create(
            collection_id=archive.collection_id,
            title=title_from(filename)[:300],
            filename=filename,
            source=source,
            media_type=media_type,
            size_bytes=content.size_bytes,
            sha256=content.sha256,
            file=stored,
            replaces=archive.replaces,
            part_of=archive,
            uploaded_by_id=archive.uploaded_by_id,
        )
        enqueue_ingestion(part)
    return part
