"""An uploaded ZIP archive: each member becomes a document, and the archive's own text lists them."""

from __future__ import annotations

from pathlib import Path

from chat.files import read_content
from rag.actions.archives import add_part
from rag.models import Document
from rag.parsing import HEAD_BYTES, Block, ParsedDocument, WrongType, detect_media_type
from rag.parsing.archive import Unpacked, unpack_isolated
from rag.parsing.errors import no_text
from rag.parsing.unpack import MAX_MEMBER_BYTES

NAMED_IN_WARNING = 8


def take_in_archive(document: Document, path: Path) -> ParsedDocument | None:
    """Queue the members of a PARSING document's archive; return its listing. None if the document was taken over.

    May be repeated: members that are documents already stay what they are.

    Raises:
        ParsingError: those of `unpack_isolated`; NO_TEXT where it holds nothing that can be read.
    """
    with unpack_isolated(path) as unpacked:
        for name, file in unpacked.members:
            if not _add(document, name, file):
                return None
    if not unpacked.members:
        raise no_text()
    return _listing(unpacked)


def _add(document: Document, name: str, path: Path) -> bool:
    with path.open("rb") as file:
        content = read_content(file, max_bytes=MAX_MEMBER_BYTES, head_bytes=HEAD_BYTES)
        try:
            media_type = detect_media_type(content.head, name)
        except WrongType:  # the process that unpacked it said otherwise: it is not to be trusted
            return True
        part = add_part(document.pk, path=name, file=file, content=content, media_type=media_type)
    return part is not None


def _listing(unpacked: Unpacked) -> ParsedDocument:
    lines = "\n".join(f"• {name}" for name, _ in unpacked.members)
    left_out = [f"{name} {reason}" for name, reason in unpacked.left_out]
    more = len(left_out) - NAMED_IN_WARNING
    named = "; ".join(left_out[:NAMED_IN_WARNING]) + (f"; and {more} more" if more > 0 else "")
    warnings = (f"{len(left_out)} not taken in: {named}.",) if left_out else ()
    return ParsedDocument("", (Block(lines),), warnings=warnings)
