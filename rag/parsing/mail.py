"""Mails (.eml): who wrote what to whom, the text, and what was attached."""

from __future__ import annotations

import email.parser
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage, MIMEPart
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser

from rag.parsing.blocks import BlockBuilder
from rag.parsing.document import ParsedDocument, one_line
from rag.parsing.errors import corrupt
from rag.parsing.html import read_tree
from rag.parsing.plain_text import decode_text, paragraphs_of

_HEADERS = ("From", "To", "Cc", "Date")
_MAX_DEPTH = 5  # of forwarded mails within each other
# What the library raises for headers and bodies that it did not expect; deep nesting ends its recursion.
_DAMAGE = (ValueError, LookupError, AttributeError, TypeError, RecursionError)


def parse_mail(path: Path) -> ParsedDocument:
    """Return a mail: its subject as the title and a heading, headers, text, and the names of what is attached.

    Raises:
        ParsingError: CORRUPT or TOO_LARGE.
    """
    builder = BlockBuilder()
    try:
        message = read_mail(path)
        _read(builder, message, depth=0)
        subject = _header(message, "Subject")
    except _DAMAGE as error:
        raise corrupt() from error
    return ParsedDocument(subject, builder.build())


def read_mail(path: Path) -> EmailMessage:
    """Return the file as the standard library reads mails."""
    return email.parser.BytesParser(policy=email.policy.default).parsebytes(path.read_bytes())


def attachments_of(message: EmailMessage) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of the files attached to a mail; forwarded mails are part of its text."""
    for part in message.walk():
        if not part.is_multipart() and (name := one_line(part.get_filename() or "")):
            content = part.get_payload(decode=True)
            yield name, content if isinstance(content, bytes) else b""


def _read(builder: BlockBuilder, message: EmailMessage, *, depth: int) -> None:
    builder.add_heading(depth + 1, _header(message, "Subject"))
    said = [(name, _header(message, name)) for name in _HEADERS]
    builder.add_verbatim("\n".join(f"{name}: {value}" for name, value in said if value))
    body = message.get_body(preferencelist=("plain", "html"))
    if body is not None:
        _read_body(builder, body)
    forwarded = [part for part in message.iter_attachments() if part.get_content_type() == "message/rfc822"]
    names = [one_line(part.get_filename() or "") for part in message.iter_attachments()]
    if any(names):
        builder.add_paragraph(f"Attachments: {', '.join(filter(None, names))}")
    for part in forwarded:
        inner = part.get_payload()
        if depth < _MAX_DEPTH and isinstance(inner, list) and isinstance(inner[0], EmailMessage):
            _read(builder, inner[0], depth=depth + 1)


def _read_body(builder: BlockBuilder, body: MIMEPart) -> None:
    content = body.get_payload(decode=True)
    text = decode_text(content if isinstance(content, bytes) else b"", declared=body.get_content_charset())
    if body.get_content_type() == "text/html":
        for block in read_tree(LexborHTMLParser(text)):
            builder.add_verbatim(block.text)
    else:
        for paragraph in paragraphs_of(text):
            builder.add_verbatim(paragraph)


def _header(message: EmailMessage, name: str) -> str:
    return one_line(str(message.get(name, "")))
