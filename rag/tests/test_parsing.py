import zipfile

import pytest

from rag.parsing import Block, ParsingError, ParsingProblem, WrongType, detect_media_type, parse
from rag.parsing.blocks import BlockBuilder
from rag.parsing.media_types import DOCX, HTML, MARKDOWN, PDF, PLAIN_TEXT, SOURCE_CODE, XLSX, ZIP
from rag.tests.documents import (
    PUMP,
    replace_in_docx,
    write_docx,
    write_encrypted_pdf,
    write_scanned_pdf,
    write_zip_bomb_docx,
)

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def texts(parsed):
    return [block.text for block in parsed.blocks]


@pytest.fixture
def parse_text(tmp_path):
    def parse_content(content, media_type):
        path = tmp_path / "file"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return parse(path, media_type=media_type)

    return parse_content


@pytest.mark.parametrize(
    ("head", "filename", "expected"),
    [
        (b"%PDF-1.7\n", "report.pdf", PDF),
        (b"\r\n\r\n%PDF-1.4\n", "report", PDF),
        (b"PK\x03\x04....word/document.xml", "Brief.DOCX", DOCX),
        (b"PK\x03\x04....word/document.xml", "brief", DOCX),
        (OLE, "secret.docx", DOCX),
        (b"# Title", "README.md", MARKDOWN),
        (b"<p>x", "page.htm", HTML),
        (b"\xef\xbb\xbf\n<!-- c --><!DOCTYPE html>", "page", HTML),
        (b"<html>", "note.txt", PLAIN_TEXT),
        (b"hello %PDF-", "note.txt", PLAIN_TEXT),
        (b"a = 1", "settings.toml", SOURCE_CODE),
        (b"PK\x03\x04....xl/workbook.xml", "sheet.xlsx", XLSX),
        (b"PK\x03\x04....", "archive", ZIP),
        ("grüße".encode("cp1252"), "note.txt", PLAIN_TEXT),
        ("\ufeffhello".encode("utf-16"), "note.txt", PLAIN_TEXT),
        (b"", "note.txt", PLAIN_TEXT),
        (b"", "empty.pdf", PDF),
    ],
)
def test_the_type_comes_from_the_content_then_from_the_name(head, filename, expected):
    assert detect_media_type(head, filename) == expected


@pytest.mark.parametrize(
    ("head", "filename"),
    [
        (PNG, "photo.png"),
        (PNG, "photo.pdf"),
        (PNG, "photo.txt"),
        (b"hello", "report.pdf"),
        (b"hello", "brief.docx"),
        (b"hello", "movie.mp4"),
        (b"PK\x03\x04....", "program.jar"),
        (OLE, "old.doc"),
        (b"{\\rtf1 hello", "letter.rtf"),
        (b"MZ\x90\x00", "setup.exe"),
        (b"\x7fELF\x02\x01", "program"),
        (b"", "photo.png"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_can(head, filename):
    with pytest.raises(WrongType) as caught:
        detect_media_type(head, filename)

    assert caught.value.code == ParsingProblem.UNSUPPORTED_TYPE
    assert "\n" not in caught.value.message and caught.value.message.endswith(".")


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf \n", b'<?xml version="1.0"?>\n'])
def test_a_page_may_begin_with_comments(start):
    head = start + b"<!-- <html> --> <!-- b\n -->\n<!DOCTYPE HTML><p>"

    assert detect_media_type(head, "page") == "text/html"


@pytest.mark.parametrize("unit", [b"<!---->", b"<!--", b"<!-- --> ", b" ", b"<?xml"])
def test_a_type_is_found_in_time_whatever_the_file_repeats(unit):
    assert detect_media_type((unit * 8192)[:8192], "page") == "text/plain"  # `<!---->` took exponential time


def test_plain_text_is_split_at_blank_lines_and_keeps_its_lines(parse_text):
    parsed = parse_text("First line\r\nsecond line\r\n\r\n  indented\n\x0cAfter a form feed", PLAIN_TEXT)

    assert texts(parsed) == ["First line\nsecond line", "  indented", "After a form feed"]
    assert parsed.title == "" and parsed.page_count is None
    assert {(block.page, block.heading, block.is_heading) for block in parsed.blocks} == {(None, (), False)}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_plain_text_of_any_usual_encoding(parse_text, encoding):
    assert texts(parse_text("Größe: 5 €".encode(encoding), PLAIN_TEXT)) == ["Größe: 5 €"]


def test_utf8_with_a_few_wrong_bytes_stays_utf8(parse_text):
    assert texts(parse_text("Größe ".encode() * 20 + b"\xff", PLAIN_TEXT)) == ["Größe " * 20 + "\ufffd"]


def test_markdown(parse_text):
    parsed = parse_text(
        "---\ntitle: 'Pump manual'\n---\n# Pumps *today*\nA [link](http://x) with `code`\nand **bold**.\n\n"
        "## Start\n1. Open\n2. Close\n   - gently\n\n   Wait.\n\n```sh\nif x:\n    run\n```\n\n"
        "| Name | Size |\n|---|---|\n| A | 1 |\n\n> quoted\n\n<div>some <b>html</b></div>\n\n"
        "![a dog](dog.png)\n",
        MARKDOWN,
    )

    assert parsed.title == "Pump manual"
    pumps, start = ("Pumps today",), ("Pumps today", "Start")
    assert parsed.blocks == (
        Block("Pumps today", None, (), True),
        Block("A link with code and bold.", None, pumps),
        Block("Start", None, pumps, True),
        Block("1. Open\n2. Close\n  • gently", None, start),
        Block("Wait.", None, start),
        Block("if x:\n    run", None, start),
        Block("Name | Size\nA | 1", None, start),
        Block("quoted", None, start),
        Block("some html", None, start),
        Block("a dog", None, start),
    )


def test_the_first_top_heading_is_the_title_of_markdown_without_front_matter(parse_text):
    assert parse_text("## Note\n\n# Guide\n\n# More\n\ntext", MARKDOWN).title == "Guide"


def test_html_is_what_a_reader_sees(parse_text):
    parsed = parse_text(
        """<!doctype html><title>Pump
           manual</title><nav>Home</nav><script>evil()</script><style>p{}</style><h1>Pumps</h1>
           <p>One <b>bold</b>&nbsp;word<br>and &lt;more&gt;</p> loose text
           <div><p hidden>not this</p><p style="display: NONE">nor this</p>
           <p aria-hidden=true>nor this</p></div>
           <h2>Start</h2><ol><li>Open<ul><li>gently</li></ul></li><li><p>Close</p></li></ol>
           <pre>if x:\n    run</pre>
           <table><tr><th>Name<th>Size<tr><td>A <i>b</i><td><p>1</p></table><footer>Imprint</footer>""",
        HTML,
    )

    assert parsed.title == "Pump manual"
    pumps, start = ("Pumps",), ("Pumps", "Start")
    assert parsed.blocks == (
        Block("Pumps", None, (), True),
        Block("One bold word and <more>", None, pumps),
        Block("loose text", None, pumps),
        Block("Start", None, pumps, True),
        Block("1. Open\n  • gently\n2. Close", None, start),
        Block("if x:\n    run", None, start),
        Block("Name | Size\nA b | 1", None, start),
    )


def test_html_with_a_main_part_is_that_part(parse_text):
    assert texts(parse_text("<div>menu</div><main><p>text</p></main><div>ads</div>", HTML)) == ["text"]
    assert texts(parse_text("<div>text</div><main> </main>", HTML)) == ["text"]


def test_a_table_that_lays_out_the_page_is_no_table(parse_text):
    parsed = parse_text("<table><tr><td>left<td><h1>Pumps</h1><p>one</p><p>two</p></table>", HTML)

    assert texts(parsed) == ["left", "Pumps", "one", "two"]


@pytest.mark.parametrize("declared", ["cp1252", "no-such-encoding"])
def test_html_in_its_declared_encoding(parse_text, declared):
    page = f'<meta charset="{declared}"><p>Größe'.encode("cp1252")

    assert texts(parse_text(page, HTML)) == ["Größe"]


def test_deeply_nested_html_is_read(parse_text):
    assert texts(parse_text("<div>" * 50_000 + "deep", HTML)) == ["deep"]


def test_docx_in_document_order(tmp_path):
    path = write_docx(
        tmp_path / "a.docx",
        [
            ("Title", "Pump manual"),
            ("Heading 1", "Pumps"),
            "Before the table.",
            [["Name", "Size"], ["A", "1"]],
            ("Heading 2", "Start"),
            ("List Bullet", "Open"),
            ("List Number", "Close"),
            "After.",
            ("Heading 1", "Valves"),
            "Last.",
        ],
    )

    parsed = parse(path, media_type=DOCX)

    manual = ("Pump manual",)
    assert parsed.title == "Pump manual" and parsed.page_count is None
    assert parsed.blocks == (
        Block("Pump manual", None, (), True),
        Block("Pumps", None, manual, True),
        Block("Before the table.", None, (*manual, "Pumps")),
        Block("Name | Size\nA | 1", None, (*manual, "Pumps")),
        Block("Start", None, (*manual, "Pumps"), True),
        Block("• Open\n• Close", None, (*manual, "Pumps", "Start")),
        Block("After.", None, (*manual, "Pumps", "Start")),
        Block("Valves", None, manual, True),
        Block("Last.", None, (*manual, "Valves")),
    )


def test_docx_headings_of_a_localized_word_and_of_outline_levels(tmp_path):
    path = write_docx(tmp_path / "a.docx", [("Heading 1", "Pumpen"), ("Quote", "Ventile"), "Text."])
    replace_in_docx(path, "word/styles.xml", 'w:styleId="Heading1"', 'w:styleId="berschrift1"')
    replace_in_docx(path, "word/document.xml", 'w:val="Heading1"', 'w:val="berschrift1"')
    replace_in_docx(
        path,
        "word/document.xml",
        '<w:pStyle w:val="Quote"/>',
        '<w:pStyle w:val="Quote"/><w:outlineLvl w:val="1"/>',
    )

    parsed = parse(path, media_type=DOCX)

    assert parsed.blocks[-1] == Block("Text.", None, ("Pumpen", "Ventile"))


def test_docx_reads_insertions_controls_and_text_boxes_once_but_no_deletions(tmp_path):
    path = write_docx(tmp_path / "a.docx", ["PLACE"])
    box = "<w:txbxContent><w:p><w:r><w:t>boxed</w:t></w:r></w:p></w:txbxContent>"
    content = (
        "<w:ins><w:r><w:t>inserted</w:t></w:r></w:ins><w:del><w:r><w:delText>deleted</w:delText></w:r></w:del>"
        "<w:r><w:tab/><w:t>tab</w:t></w:r>"
        '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        f"<mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:p>"
        "<w:sdt><w:sdtContent><w:p><w:r><w:t>control</w:t></w:r></w:p></w:sdtContent></w:sdt><w:p>"
    )
    replace_in_docx(path, "word/document.xml", "<w:r><w:t>PLACE</w:t></w:r>", content)

    assert texts(parse(path, media_type=DOCX)) == ["inserted tab", "boxed", "control"]


def test_external_entities_of_a_docx_are_not_read(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("the password is swordfish")
    path = write_docx(tmp_path / "a.docx", ["PLACE", "text"])
    doctype = f'<!DOCTYPE d [<!ENTITY x SYSTEM "{secret.as_uri()}"><!ENTITY y "{"z" * 100}">]>'
    replace_in_docx(path, "word/document.xml", "<w:document ", f"{doctype}<w:document ")
    replace_in_docx(path, "word/document.xml", "PLACE", "&x;&y;")

    assert texts(parse(path, media_type=DOCX)) == ["text"]


def problem_of(path, media_type):
    with pytest.raises(ParsingError) as caught:
        parse(path, media_type=media_type)
    return caught.value.code


def test_every_problem_has_its_code(tmp_path):
    encrypted_word, empty, blank, half = (
        tmp_path / name for name in ("e.docx", "0.txt", "b.txt", "half.docx")
    )
    encrypted_word.write_bytes(OLE)
    empty.write_bytes(b"")
    blank.write_bytes(b" \n\x00 --- \n")
    half.write_bytes(write_docx(tmp_path / "a.docx", [PUMP]).read_bytes()[:5000])
    broken_xml = replace_in_docx(
        write_docx(tmp_path / "x.docx", [PUMP]), "word/document.xml", "</w:body>", ""
    )
    missing = replace_in_docx(
        write_docx(tmp_path / "m.docx", [PUMP]), "_rels/.rels", "word/document", "word/none"
    )
    other = write_docx(tmp_path / "other.docx", [PUMP])
    replace_in_docx(
        other, "[Content_Types].xml", "wordprocessingml.document.main", "presentationml.slides.main"
    )
    scratched = write_docx(tmp_path / "scratched.docx", [PUMP])
    with zipfile.ZipFile(scratched) as archive:
        offset = archive.getinfo("word/document.xml").header_offset
    content = scratched.read_bytes()
    scratched.write_bytes(content[: offset + 80] + b"\xff" * 40 + content[offset + 120 :])
    garbage = tmp_path / "g.pdf"
    garbage.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 20)

    assert problem_of(write_encrypted_pdf(tmp_path / "e.pdf"), PDF) == "ENCRYPTED"
    assert problem_of(encrypted_word, DOCX) == "ENCRYPTED"
    assert problem_of(write_scanned_pdf(tmp_path / "s.pdf"), PDF) == "NO_TEXT"
    assert problem_of(empty, PLAIN_TEXT) == "NO_TEXT"
    assert problem_of(blank, PLAIN_TEXT) == "NO_TEXT"
    assert problem_of(write_docx(tmp_path / "n.docx", []), DOCX) == "NO_TEXT"
    assert problem_of(garbage, PDF) == "CORRUPT"
    assert problem_of(half, DOCX) == "CORRUPT"
    assert problem_of(scratched, DOCX) == "CORRUPT"
    assert problem_of(broken_xml, DOCX) == "CORRUPT"
    assert problem_of(missing, DOCX) == "CORRUPT"
    assert problem_of(other, DOCX) == "UNSUPPORTED_TYPE"
    assert problem_of(empty, "image/png") == "UNSUPPORTED_TYPE"
    assert (
        problem_of(write_zip_bomb_docx(tmp_path / "z.docx", unpacked_bytes=160_000_000), DOCX) == "TOO_LARGE"
    )


def test_more_text_than_fits_is_refused_while_it_is_read():
    builder = BlockBuilder(max_characters=20)
    builder.add_item("ten chars")
    builder.add_item("few")

    with pytest.raises(ParsingError) as caught:
        builder.add_paragraph("much more")

    assert caught.value.code == ParsingProblem.TOO_LARGE
