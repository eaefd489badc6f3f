"""Text out of uploaded files of many kinds (docs/documents.md). Importing loads no parser library."""

from rag.parsing.document import Block, ParsedDocument, normalize
from rag.parsing.errors import ParsingError, ParsingProblem, WrongType
from rag.parsing.isolated import parse_isolated
from rag.parsing.media_types import HEAD_BYTES, detect_media_type
from rag.parsing.parser import parse

__all__ = [
    "HEAD_BYTES",
    "Block",
    "ParsedDocument",
    "ParsingError",
    "ParsingProblem",
    "WrongType",
    "detect_media_type",
    "normalize",
    "parse",
    "parse_isolated",
]
