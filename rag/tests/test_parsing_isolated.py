import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.parsing import (
    Block,
    ParsedDocument,
    ParsingError,
    ParsingProblem,
    WrongType,
    child,
    parse,
    parse_isolated,
)
from rag.parsing.isolated import decode_answer, encode_answer
from rag.parsing.media_types import DOCX, PDF, PLAIN_TEXT
from rag.tests.documents import PUMP, write_docx, write_encrypted_pdf, write_pdf, write_zip_bomb_docx
from rag.tests.office_files import text_shape, write_mail, write_odt, write_pptx, write_xlsx

blocks = st.builds(
    Block, st.text(), st.none() | st.integers(1), st.lists(st.text()).map(tuple), st.booleans()
)


_OFFICE = {
    "a.pptx": lambda path: write_pptx(path, [text_shape(PUMP)], notes={1: "x"}),
    "a.xlsx": lambda path: write_xlsx(path, {"S": [["part", "bar"], [PUMP, 6]]}),
    "a.odt": lambda path: write_odt(path, "<text:p>x</text:p>"),
    "a.eml": lambda path: write_mail(path, "caf\xe9 " * 50, html="<p>caf\xe9</p>", attached={"a": b"\x00"}),
}


@pytest.fixture
def hostile_parser(tmp_path, monkeypatch):
    """Makes the process of the parser run the given code instead of reading plain text."""

    def install(code: str):
        package = tmp_path / "rag" / "parsing"
        package.mkdir(parents=True)
        project = child.PROJECT
        (tmp_path / "rag" / "__init__.py").write_text(f"__path__.append({str(project / 'rag')!r})\n")
        (package / "__init__.py").write_text(f"__path__.append({str(project / 'rag' / 'parsing')!r})\n")
        (package / "plain_text.py").write_text(
            f"import os, sys, time\ndef parse_plain_text(path):\n    {code}\n"
        )
        monkeypatch.setattr(child, "PROJECT", tmp_path)
        file = tmp_path / "file.txt"
        file.write_text("text")
        return file

    return install


@given(
    st.builds(
        ParsedDocument,
        st.text(),
        st.lists(blocks).map(tuple),
        st.none() | st.integers(0),
        st.lists(st.integers(1)).map(tuple),
        st.lists(st.text()).map(tuple),
    )
)
def test_a_document_survives_its_way_out_of_the_process(document):
    assert decode_answer(encode_answer(document)) == document


@pytest.mark.parametrize(
    "make", [lambda path: write_pdf(path, [[PUMP], [PUMP]]), lambda path: write_docx(path, [PUMP])]
)
def test_reading_in_a_process_gives_the_same_document(tmp_path, make):
    path = make(tmp_path / "a")
    media_type = PDF if path.read_bytes().startswith(b"%PDF") else DOCX

    assert parse_isolated(path, media_type) == parse(path, media_type=media_type)


def test_problems_come_out_of_the_process_as_they_are(tmp_path):
    with pytest.raises(ParsingError, match="protected by a password") as caught:
        parse_isolated(write_encrypted_pdf(tmp_path / "a.pdf"), PDF)
    assert caught.value.code == ParsingProblem.ENCRYPTED

    with pytest.raises(ParsingError) as caught:
        parse_isolated(write_zip_bomb_docx(tmp_path / "z.docx", unpacked_bytes=160_000_000), DOCX)
    assert caught.value.code == ParsingProblem.TOO_LARGE

    with pytest.raises(WrongType):
        parse_isolated(tmp_path / "a.pdf", "image/png")


@pytest.mark.parametrize("code", ["time.sleep(60)", "while True: pass"])
def test_a_file_that_hangs_the_parser_is_a_timeout(hostile_parser, code):
    file = hostile_parser(code)
    with pytest.raises(ParsingError) as caught:
        parse_isolated(file, PLAIN_TEXT, timeout_s=0.7)

    assert caught.value.code == ParsingProblem.TIMEOUT


@pytest.mark.parametrize(
    "code", ["os.abort()", "os._exit(0)", "sys.exit(3)", "os.kill(os.getpid(), 9)", "raise KeyError"]
)
def test_a_file_that_crashes_the_parser_is_corrupt(hostile_parser, code):
    with pytest.raises(ParsingError) as caught:
        parse_isolated(hostile_parser(code), PLAIN_TEXT)

    assert caught.value.code == ParsingProblem.CORRUPT


def test_a_file_that_eats_memory_is_too_large(hostile_parser):
    with pytest.raises(ParsingError) as caught:
        parse_isolated(hostile_parser("return bytearray(10 ** 10)"), PLAIN_TEXT, memory_mb=500)

    assert caught.value.code == ParsingProblem.TOO_LARGE


def test_a_file_with_more_text_than_an_answer_holds_is_too_large(hostile_parser):
    file = hostile_parser(
        "from rag.parsing.document import Block, ParsedDocument;"
        " return ParsedDocument('', (Block('x' * 41_000_000),))"
    )

    with pytest.raises(ParsingError) as caught:
        parse_isolated(file, PLAIN_TEXT)

    assert caught.value.code == ParsingProblem.TOO_LARGE


def test_a_library_that_prints_does_not_spoil_the_answer(hostile_parser):
    file = hostile_parser(
        "from rag.parsing.document import Block, ParsedDocument;"
        " print('noise', flush=True); os.write(1, b'noise'); return ParsedDocument('', (Block('text'),))"
    )

    assert parse_isolated(file, PLAIN_TEXT).blocks == (Block("text"),)


def test_the_process_knows_no_secrets(hostile_parser, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k-1")
    file = hostile_parser(
        "from rag.parsing.document import Block, ParsedDocument;"
        " return ParsedDocument('', (Block('names ' + ' '.join(os.environ)),))"
    )

    assert "ANTHROPIC_API_KEY" not in parse_isolated(file, PLAIN_TEXT).blocks[0].text.split()


@pytest.mark.parametrize(
    "name",
    ["a.pdf", "a.docx", "a.html", "a.md", "a.txt", "a.pptx", "a.xlsx", "a.odt", "a.eml", "a.csv", "a.py"],
)
def test_reading_imports_nothing_more_than_what_was_loaded(tmp_path, name):
    path = tmp_path / name
    if name == "a.pdf":
        write_pdf(path, [[PUMP], [PUMP]])
    elif name == "a.docx":
        write_docx(path, [PUMP])
    elif name in _OFFICE:
        _OFFICE[name](path)
    else:
        path.write_bytes(b"# A\n\n<table><tr><td>caf\xe9</table>\n\n1. one\n\n|a|b|\n|-|-|\n|c|d|\n")
    code = (
        "import sys; from pathlib import Path; from rag.parsing import detect_media_type, parse;"
        " from rag.parsing.parser import load; path = Path(sys.argv[1]);"
        " kind = detect_media_type(path.read_bytes(), path.name); load(kind); before = {*sys.modules};"
        " parse(path, media_type=kind); print({*sys.modules} - before)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=child.PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == "set()"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
def test_what_root_runs_is_read_as_nobody(hostile_parser):
    file = hostile_parser(
        "from rag.parsing.document import Block, ParsedDocument;"
        " said = f'{os.getresuid()} {os.getresgid()} {os.getgroups()} {os.access(\"/etc/shadow\", os.R_OK)}';"
        " return ParsedDocument('', (Block(said), Block(path.read_text())))"
    )
    file.chmod(0o600)

    said, text = parse_isolated(file, PLAIN_TEXT).blocks

    assert said.text == "(65534, 65534, 65534) (65534, 65534, 65534) [] False"
    assert text.text == "text"


@pytest.mark.parametrize("code", ["os.fork()", "[open('/dev/null') for _ in range(70)] and os._exit(0)"])
def test_the_process_starts_no_other_and_opens_few_files(hostile_parser, code):
    file = hostile_parser(
        f"from rag.parsing.document import Block, ParsedDocument\n    try:\n        {code}\n"
        "    except OSError as error:\n        return ParsedDocument('', (Block(type(error).__name__),))"
    )

    assert parse_isolated(file, PLAIN_TEXT).blocks[0].text in ("BlockingIOError", "OSError")


def test_the_process_gains_no_rights(hostile_parser):
    file = hostile_parser(
        "from rag.parsing.document import Block, ParsedDocument;"
        " return ParsedDocument('', (Block(open('/proc/self/status').read()),))"
    )

    assert "NoNewPrivs:\t1" in parse_isolated(file, PLAIN_TEXT).blocks[0].text


def test_a_file_of_too_many_small_pieces_is_too_large(tmp_path):
    path = tmp_path / "many.txt"
    path.write_text("a\n\n" * 200_001)

    with pytest.raises(ParsingError) as caught:
        parse_isolated(path, PLAIN_TEXT)

    assert caught.value.code == ParsingProblem.TOO_LARGE


def test_the_process_loads_neither_django_nor_other_parsers(tmp_path):
    code = "import sys, rag.parsing; print({'django', 'docx', 'lxml', 'pypdfium2', 'numpy'} & {*sys.modules})"

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=child.PROJECT,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )

    assert done.stdout.strip() == "set()"


def write_raw_pdf(path, page_count: int, *, breaks_table: bool = False, breaks_start: bool = False):
    """A PDF by hand, of pages that share one text; its cross-reference table may point nowhere, or be out of place."""
    kids = " ".join(f"{number} 0 R" for number in range(5, page_count + 5))
    text = f"BT /F1 12 Tf 50 50 Td ({PUMP.strip()}) Tj ET"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {page_count}>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        f"<</Length {len(text)}>>stream\n{text}\nendstream",
    ]
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 700 200]/Contents 4 0 R/Resources<</Font<</F1 3 0 R>>>>>>"
    content = "%PDF-1.4\n"
    table = "0000000000 65535 f \n"
    for number, one in enumerate([*objects, *[page] * page_count], 1):
        table += f"{9_999_999 if breaks_table else len(content):010d} 00000 n \n"
        content += f"{number} 0 obj\n{one}\nendobj\n"
    size = page_count + 5
    start = 9_999_999 if breaks_start else len(content)
    content += f"xref\n0 {size}\n{table}trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF"
    path.write_text(content)
    return path


def test_a_file_of_ten_thousand_pages_is_read(tmp_path):
    parsed = parse_isolated(write_raw_pdf(tmp_path / "a.pdf", 10_000), PDF)

    assert parsed.page_count == 10_000
    assert parsed.blocks[-1].page == 10_000


@pytest.mark.parametrize("broken", ["breaks_table", "breaks_start"])
def test_a_cross_reference_table_that_is_wrong_or_not_where_it_should_be_is_made_anew(tmp_path, broken):
    parsed = parse_isolated(write_raw_pdf(tmp_path / "a.pdf", 2, **{broken: True}), PDF)

    assert parsed.page_count == 2 and PUMP.strip() in parsed.blocks[0].text


def test_a_file_without_objects_to_make_a_table_from_is_corrupt(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_text(
        "%PDF-1.4\nxref\n0 2\n0000000000 65535 f \ntrailer<</Size 2/Root 1 0 R>>\nstartxref\n9\n%%EOF"
    )

    with pytest.raises(ParsingError) as caught:
        parse_isolated(path, PDF)

    assert caught.value.code == ParsingProblem.CORRUPT
