"""ZIP archives: what is in them becomes documents, and a hostile one costs itself only."""

import io
import stat
import zipfile

import pytest

from rag.actions import create_collection, delete_document, upload_document
from rag.ingestion import flow
from rag.models import Chunk, Document
from rag.parsing import ParsingError
from rag.parsing.archive import unpack_isolated
from rag.tests.library import make_user, process
from rag.tests.office_files import write_zip

PNG = b"\x89PNG\r\n\x1a\n\x00\x00"


@pytest.fixture
def ada(db):
    return make_user("ada")


@pytest.fixture
def collection(ada, storage_folder):
    return create_collection(ada, name="Handbook")


def upload_zip(ada, collection, tmp_path, parts, **options):
    content = write_zip(tmp_path / "all.zip", parts).read_bytes()
    return upload_document(
        ada, collection_id=collection.pk, file=io.BytesIO(content), filename="all.zip", **options
    )


def unpacked(path):
    with unpack_isolated(path) as found:
        return {name: file.read_bytes() for name, file in found.members}, dict(found.left_out)


def code_of(path):
    with pytest.raises(ParsingError) as caught:
        unpacked(path)
    return caught.value.code


def test_each_member_becomes_a_document_with_its_path_as_the_source(ada, collection, tmp_path):
    parts = {"docs/pumps.md": "# Pumps\n\nSix bar.", "valves.txt": "Closed at night.", "docs/p.png": PNG}

    archive = process(upload_zip(ada, collection, tmp_path, parts))

    assert archive.status == "ready"
    assert archive.warning == "1 not taken in: docs/p.png is of a type that cannot be read."
    members = list(archive.parts.order_by("source"))
    assert [one.source for one in members] == ["all.zip/docs/pumps.md", "all.zip/valves.txt"]
    assert [process(one).status for one in members] == ["ready", "ready"]
    assert [one.title for one in archive.parts.order_by("source")] == ["Pumps", "valves"]


def test_reading_an_archive_twice_adds_nothing(ada, collection, tmp_path):
    archive = upload_zip(ada, collection, tmp_path, {"a.txt": "Words.", "b.txt": "More."})
    flow.ingest_document(archive.pk)
    Document.objects.filter(pk=archive.pk).update(status="parsing")  # its worker was killed at the end

    process(archive)

    assert archive.status == "ready" and Document.objects.count() == 3


def test_a_new_archive_replaces_what_changed_and_removes_what_is_gone(ada, collection, tmp_path):
    old = process(
        upload_zip(ada, collection, tmp_path, {"a.txt": "Same.", "b.txt": "Old.", "c.txt": "Gone."})
    )
    kept, *_ = [process(part) for part in old.parts.order_by("source")]

    new = upload_zip(ada, collection, tmp_path, {"a.txt": "Same.", "b.txt": "New."}, replace=True)
    flow.ingest_document(new.pk)
    for part in new.parts.filter(status="queued"):
        process(part)
    process(new)

    assert sorted(Document.objects.values_list("source", flat=True)) == [
        "all.zip",
        "all.zip/a.txt",
        "all.zip/b.txt",
    ]
    assert Document.objects.get(source="all.zip/a.txt").pk == kept.pk
    assert not Chunk.objects.filter(text__contains="Old.").exists()


def test_an_archive_goes_with_its_members(ada, collection, tmp_path):
    archive = process(upload_zip(ada, collection, tmp_path, {"a.txt": "Words."}))

    delete_document(ada, document_id=archive.pk)

    assert not Document.objects.exists() and not Chunk.objects.exists()


def test_an_archive_of_nothing_readable_says_so(ada, collection, tmp_path):
    assert process(upload_zip(ada, collection, tmp_path, {"p.png": PNG})).error_code == "NO_TEXT"


def test_names_lead_nowhere_and_what_nobody_sees_is_passed_over(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../../etc/a.txt", "/b.txt", "c\\d.txt", ".hidden.txt", "__MACOSX/e.txt", "folder/"):
            archive.writestr(name, "Words." if not name.endswith("/") else "")
        link = zipfile.ZipInfo("link.txt")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("empty.txt", "")
        archive.writestr("inner.zip", path.read_bytes() or b"PK\x03\x04")

    members, left_out = unpacked(path)

    assert members == {"etc/a.txt": b"Words.", "b.txt": b"Words.", "c/d.txt": b"Words."}
    assert left_out == {"empty.txt": "is empty", "inner.zip": "is an archive within the archive"}


def test_bombs_are_too_large_before_anything_is_unpacked(tmp_path):
    dense = write_zip(tmp_path / "dense.zip", {"a.txt": b"a" * 6_000_000})
    many = write_zip(tmp_path / "many.zip", {f"{n}.txt": "x" for n in range(2001)})
    total = write_zip(tmp_path / "total.zip", {"a.txt": "a"})
    entry = total.read_bytes()
    # The size in the directory, 24 bytes behind its mark, is what counts.
    place = entry.index(b"PK\x01\x02") + 24
    total.write_bytes(entry[:place] + (600_000_000).to_bytes(4, "little") + entry[place + 4 :])

    assert [code_of(path) for path in (dense, many, total)] == ["TOO_LARGE"] * 3


def test_damaged_and_locked_archives_say_so(tmp_path):
    whole = write_zip(tmp_path / "a.zip", {"a.txt": "Words. " * 500})
    content = whole.read_bytes()
    half, scratched, locked = tmp_path / "half.zip", tmp_path / "scratched.zip", tmp_path / "locked.zip"
    half.write_bytes(content[: len(content) // 2])
    scratched.write_bytes(content[:40] + b"\xff" * 8 + content[48:])
    flags = content.index(b"PK\x01\x02") + 8
    locked.write_bytes(content[:flags] + b"\x01" + content[flags + 1 :])

    assert [code_of(path) for path in (half, scratched, locked)] == ["CORRUPT", "CORRUPT", "ENCRYPTED"]
