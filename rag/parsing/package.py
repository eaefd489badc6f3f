"""Office files that are ZIP archives of XML parts: looked at before anything in them is unpacked."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

from lxml import etree

from rag.parsing.errors import corrupt, encrypted, too_large

# A few kilobytes of a ZIP archive may unpack to gigabytes.
MAX_UNPACKED_BYTES = 500_000_000
MAX_XML_BYTES = 150_000_000
MAX_ENTRIES = 20_000

_OLE = b"\xd0\xcf\x11\xe0"

# What a damaged archive or document makes zipfile and lxml raise, and their callers, who meet missing parts and
# attributes unprepared.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    etree.XMLSyntaxError,
    KeyError,
    AttributeError,
    IndexError,
    ValueError,
)


def check_package(path: Path) -> None:
    """Look at an archive's list of entries.

    Raises:
        ParsingError: ENCRYPTED, CORRUPT, or TOO_LARGE for more than can be unpacked with care.
    """
    with path.open("rb") as file:
        if file.read(4) == _OLE:
            raise encrypted()
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise corrupt() from error
    if any(entry.flag_bits & 1 for entry in entries):
        raise encrypted()
    # Python's zipfile never unpacks more than an entry declares, so declared sizes can be believed.
    unpacked = sum(entry.file_size for entry in entries)
    largest_xml = max(
        (entry.file_size for entry in entries if entry.filename.endswith((".xml", ".rels"))), default=0
    )
    if unpacked > MAX_UNPACKED_BYTES or largest_xml > MAX_XML_BYTES or len(entries) > MAX_ENTRIES:
        raise too_large()


def read_part(archive: zipfile.ZipFile, name: str) -> Any:
    """Return the root element of an XML part; its entities are not expanded, and nothing is loaded for it.

    Raises:
        KeyError: there is no such part. XMLSyntaxError and what else is in DAMAGE: it cannot be read.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    return etree.fromstring(archive.read(name), parser)
