"""Pages that are pictures: with a tesseract, without one, and with one that fails."""

import shutil
import tempfile
from pathlib import Path

import pytest

from rag.parsing import ParsingError, parse_isolated
from rag.parsing.media_types import PDF
from rag.tests.documents import write_scanned_pdf, write_scans

# Of the shell's own commands alone: as nobody it may not start others, nor read a Python that is root's.
FAKE = """#!/bin/sh
read -r kind width height depth
[ "$kind $depth" = "P5 255" ] && [ "$width" -gt 1000 ] && [ "$height" -gt 500 ] || exit 1
%s
"""


@pytest.fixture
def install(monkeypatch):
    """Makes this the only tesseract of the machine; None: there is none."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to nobody

        def put(code):
            if code is not None:
                program = Path(folder) / "tesseract"
                program.write_text(FAKE % code)
                program.chmod(0o755)
            Path(folder).chmod(0o755)
            monkeypatch.setenv("PATH", folder)

        yield put


def test_scanned_pages_are_read_and_stand_among_the_others(tmp_path, install):
    install('echo "Turned on page $*"; echo; echo "A divided hy-"; echo "phen $OMP_THREAD_LIMIT"')
    path = write_scans(tmp_path / "a.pdf", ["one", None, "three"])

    parsed = parse_isolated(path, PDF, ocr_languages="deu+eng")

    first = "Turned on page stdin stdout -l deu+eng"
    assert [(block.page, block.text) for block in parsed.blocks if block.page != 2] == [
        (1, first),
        (1, "A divided hyphen 1"),
        (3, first),
        (3, "A divided hyphen 1"),
    ]
    assert [block.page for block in parsed.blocks] == [1, 1, 2, 3, 3]
    assert parsed.page_count == 3 and parsed.warnings == ()


def test_without_tesseract_the_pages_are_said_to_be_missing(tmp_path, install):
    install(None)

    parsed = parse_isolated(write_scans(tmp_path / "a.pdf", ["one", None, "three", "four"]), PDF)

    assert {block.page for block in parsed.blocks} == {2}
    assert parsed.warnings == ("3 scanned pages were not read: install tesseract-ocr.",)


def test_a_document_of_scans_alone_says_what_it_needs(tmp_path, install):
    install(None)

    with pytest.raises(ParsingError, match="1 scanned page was not read: install tesseract-ocr") as caught:
        parse_isolated(write_scans(tmp_path / "a.pdf", ["one"]), PDF)

    assert caught.value.code == "NEEDS_OCR"


def test_pages_that_tesseract_cannot_read_are_said_to_be_missing(tmp_path, install):
    install("exit 1")

    parsed = parse_isolated(write_scans(tmp_path / "a.pdf", ["one", None]), PDF)

    assert parsed.warnings == ("1 scanned page was not read: text recognition failed.",)


def test_tesseract_may_not_start_other_processes(tmp_path, install):
    install("(true) && echo forked")

    parsed = parse_isolated(write_scans(tmp_path / "a.pdf", ["one", None]), PDF)

    assert parsed.warnings == ("1 scanned page was not read: text recognition failed.",)


def test_a_drawing_without_text_is_no_scan(tmp_path, install):
    install(None)

    with pytest.raises(ParsingError) as caught:
        parse_isolated(write_scanned_pdf(tmp_path / "a.pdf"), PDF)

    assert caught.value.code == "NO_TEXT"


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
def test_the_real_tesseract_reads_a_page(tmp_path):
    [block] = parse_isolated(write_scans(tmp_path / "a.pdf", ["Hydraulic pump below six bar"]), PDF).blocks

    assert block.text == "Hydraulic pump below six bar"
