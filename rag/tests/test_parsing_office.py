"""Presentations, spreadsheets, OpenDocument texts, mails, CSV and programs: what is read of them."""

import pytest

from rag.ingestion.chunking import chunk_document
from rag.parsing import Block, ParsingError, detect_media_type, parse, parse_isolated
from rag.parsing.media_types import CSV, EML, HEAD_BYTES, ODS, ODT, PPTX, SOURCE_CODE, XLS, XLSX, ZIP
from rag.tests.documents import PUMP, replace_in_docx, write_docx, write_zip_bomb_docx
from rag.tests.office_files import (
    slide_table,
    text_shape,
    write_mail,
    write_odt,
    write_pptx,
    write_xlsx,
    write_zip,
)

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


def texts(parsed):
    return [block.text for block in parsed.blocks]


def problem_of(path, media_type):
    with pytest.raises(ParsingError) as caught:
        parse(path, media_type=media_type)
    return caught.value.code


# ---------------------------------------------------------------------------------------------- presentations


def test_slides_come_in_the_order_of_the_presentation_with_their_numbers_as_pages(tmp_path):
    first = text_shape("Pumps", placeholder="ctrTitle") + text_shape(
        "Six bar", "Not more", placeholder="body"
    )
    second = text_shape("A remark beside") + slide_table([["Part", "Bar"], ["Pump", "6"]])
    path = write_pptx(tmp_path / "a.pptx", [first, second], notes={2: "Say why."})

    parsed = parse(path, media_type=PPTX)

    assert (parsed.title, parsed.page_count) == ("Pumps", 2)
    assert parsed.blocks == (
        Block("Pumps", 1, (), is_heading=True),
        Block("• Six bar\n• Not more", 1, ("Pumps",)),
        Block("A remark beside", 2),
        Block("Part | Bar\nPump | 6", 2),
        Block("Notes: Say why.", 2),
    )


def test_what_stands_on_every_slide_and_what_is_drawn_twice_is_left_out(tmp_path):
    fallback = (
        '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        f"<mc:Choice>{text_shape('once')}</mc:Choice><mc:Fallback>{text_shape('once')}</mc:Fallback>"
        "</mc:AlternateContent>"
    )
    shapes = (
        text_shape("Confidential", placeholder="ftr")
        + f"<p:grpSp>{text_shape('in a group')}</p:grpSp>"
        + fallback
    )

    parsed = parse(write_pptx(tmp_path / "a.pptx", [shapes]), media_type=PPTX)

    assert texts(parsed) == ["in a group", "once"]


# ----------------------------------------------------------------------------------------------------- tables


def test_sheets_are_headings_and_hidden_ones_are_said_to_be_left_out(tmp_path):
    sheets = {
        "Prices": [["Part", "Price"], ["Pump", 12.5], ["Valve", 3]],
        "Notes": [["Only one cell of prose."]],
        "Secret": [["Margin", "much"]],
    }

    parsed = parse(write_xlsx(tmp_path / "a.xlsx", sheets, hidden=["Secret"]), media_type=XLSX)

    assert parsed.blocks == (
        Block("Part | Price\nPump | 12.5\nValve | 3", None, ("Prices", "rows 2 to 3")),
        Block("Only one cell of prose.", None, ("Notes", "rows 1 to 1")),
    )
    assert parsed.warnings == ("1 hidden sheet was not read.",)


def test_each_passage_of_a_long_table_begins_with_the_names_of_its_columns(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("part,price,place\n" + "".join(f"pump {n},{n} euro,shelf {n}\n" for n in range(200)))

    parsed = parse(path, media_type=CSV)
    text, chunks = chunk_document(parsed)

    passages = [text[chunk.start : chunk.end] for chunk in chunks]
    assert len(passages) > 5
    assert all(passage.startswith("part | price | place\npump ") for passage in passages)
    assert [line for passage in passages for line in passage.splitlines()[1:]] == [
        f"pump {n} | {n} euro | shelf {n}" for n in range(200)
    ]
    assert chunks[0].heading == "rows 2 to 12"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_cuts_all_lines_alike(tmp_path, delimiter):
    path = tmp_path / "a.csv"
    rows = [["name", "remark"], ["pump", '"six, at most; says Ada"'], ["valve", "two"]]
    path.write_text("\n".join(delimiter.join(row) for row in rows))

    assert texts(parse(path, media_type=CSV)) == ["name | remark\npump | six, at most; says Ada\nvalve | two"]


def test_a_table_without_names_of_columns_has_none_repeated(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("".join(f"{n},{n}.5\n" for n in range(100)))

    blocks = parse(path, media_type=CSV).blocks

    assert len(blocks) > 1
    assert "\n".join(texts(parse(path, media_type=CSV))) == "\n".join(f"{n} | {n}.5" for n in range(100))


# -------------------------------------------------------------------------------------------------- texts


def test_an_opendocument_text_is_read_in_order_without_what_was_deleted(tmp_path):
    body = (
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
        '<text:h text:outline-level="1">Pumps</text:h>'
        "<text:p>Six<text:s text:c='2'/>bar<text:note><text:note-citation>1</text:note-citation><text:note-body>"
        "<text:p>A note.</text:p></text:note-body></text:note> at most.</text:p>"
        "<text:section><text:list><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>deeper"
        "</text:p></text:list-item></text:list></text:list-item></text:list></text:section>"
        "<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell><table:table-cell>"
        "<text:p>b</text:p></table:table-cell></table:table-row></table:table>"
    )

    parsed = parse(write_odt(tmp_path / "a.odt", body, title="Manual"), media_type=ODT)

    assert parsed.title == "Manual"
    assert texts(parsed) == ["Pumps", "Six bar at most.", "A note.", "• one\n  • deeper", "a | b"]
    assert parsed.blocks[1].heading == ("Pumps",)


def test_a_mail_tells_who_wrote_what_and_names_what_was_attached(tmp_path):
    path = write_mail(
        tmp_path / "a.eml", "Dear Grace,\n\nsix bar.", html="<p>unread</p>", attached={"plan.pdf": b"%PDF-"}
    )

    parsed = parse(path, media_type=EML)

    assert parsed.title == "Pumps"
    assert texts(parsed) == [
        "Pumps",
        "From: Ada <ada@example.org>\nTo: Grace <grace@example.org>\nDate: Mon, 23 Nov 2026 09:00:00 +0000",
        "Dear Grace,",
        "six bar.",
        "Attachments: plan.pdf",
    ]


def test_a_mail_of_html_alone_and_a_forwarded_one_are_read(tmp_path):
    inner = write_mail(tmp_path / "inner.eml", "The original words.", subject="First").read_bytes()
    path = tmp_path / "a.eml"
    path.write_bytes(
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n"
        b"--x\nContent-Type: text/html; charset=iso-8859-1\n\n<p>Caf\xe9</p>\n"
        b"--x\nContent-Type: message/rfc822\n\n" + inner + b"\n--x--\n"
    )

    parsed = parse(path, media_type=EML)

    assert (parsed.title, texts(parsed)[:2]) == ("Grüße", ["Grüße", "Café"])
    assert Block("The original words.", None, ("Grüße", "First")) in parsed.blocks


PROGRAM = '''import math

RATE = 2


@cached
def area(radius):
    # of a circle
    {words}
    return math.pi


class Pump:
    """Class of all pumps."""

    def start(
        self,
    ):
        {words}

    def stop(self):
        {words}


print("done")
'''


def test_a_program_keeps_its_lines_below_the_names_of_what_they_belong_to(tmp_path):
    path = tmp_path / "pump.py"
    path.write_text(PROGRAM.format(words="\n        ".join("call(first, second, third)" for _ in range(30))))

    parsed = parse(path, media_type=SOURCE_CODE)

    assert [block.heading for block in parsed.blocks] == [
        ("def area",),
        ("class Pump", "def start"),
        ("class Pump", "def stop"),
    ]
    area, start, stop = (block.text.splitlines() for block in parsed.blocks)
    assert area[:3] == ["import math", "", "RATE = 2"]
    assert area[5:8] == ["@cached", "def area(radius):", "    # of a circle"]
    assert start[:2] == ["class Pump:", '    """Class of all pumps."""']
    assert stop[0] == "    def stop(self):" and stop[-1] == 'print("done")'


def test_small_functions_share_a_passage(tmp_path):
    path = tmp_path / "a.go"
    path.write_text("".join(f"func F{n}() int {{\n\treturn {n}\n}}\n\n" for n in range(4)))

    [block] = parse(path, media_type=SOURCE_CODE).blocks

    assert block.heading == ()
    assert block.text.startswith("func F0() int {\n\treturn 0\n}\n\nfunc F1()")


# ------------------------------------------------------------------------------------------------- kinds


def test_each_kind_is_known_by_what_it_holds_and_its_name(tmp_path):
    made = {
        "a.pptx": (write_pptx(tmp_path / "a.pptx", [text_shape("x")]), PPTX),
        "a.xlsx": (write_xlsx(tmp_path / "a.xlsx", {"S": [["x"]]}), XLSX),
        "a.odt": (write_odt(tmp_path / "a.odt", "<text:p>x</text:p>"), ODT),
        "a.zip": (write_zip(tmp_path / "a.zip", {"a.txt": "x"}), ZIP),
        "a.eml": (write_mail(tmp_path / "a.eml", "x"), EML),
    }
    heads = {name: path.read_bytes()[:HEAD_BYTES] for name, (path, _) in made.items()}

    assert {name: detect_media_type(head, name) for name, head in heads.items()} == {
        name: kind for name, (_, kind) in made.items()
    }
    assert detect_media_type(heads["a.odt"], "no_ending") == ODT
    assert detect_media_type(heads["a.zip"], "no_ending") == ZIP
    assert detect_media_type(b"a;b\n", "table.csv") == CSV
    assert detect_media_type(b"fn main() {}", "main.rs") == SOURCE_CODE
    assert detect_media_type(OLE, "old.xls") == XLS
    assert detect_media_type(heads["a.zip"], "sheet.ods") == ODS


@pytest.mark.parametrize("name", ["a.pptx", "a.xlsx", "a.odt", "a.zip"])
def test_a_name_that_promises_another_kind_is_refused(name):
    with pytest.raises(ParsingError, match="is not such a file"):
        detect_media_type(b"just words", name)


@pytest.mark.parametrize(("name", "kind"), [("old.doc", "Word"), ("old.ppt", "PowerPoint")])
def test_old_office_files_are_refused_with_what_to_do(name, kind):
    with pytest.raises(ParsingError, match=f"{kind} files of the old .* Save it as"):
        detect_media_type(OLE, name)


# ------------------------------------------------------------------------------------------------ hostile files


@pytest.mark.parametrize("media_type", [PPTX, XLSX, ODT])
def test_a_bomb_in_an_office_archive_is_too_large_before_it_is_unpacked(tmp_path, media_type):
    path = write_zip_bomb_docx(tmp_path / "bomb", unpacked_bytes=160_000_000)

    assert problem_of(path, media_type) == "TOO_LARGE"


@pytest.mark.parametrize("media_type", [PPTX, XLSX, ODT])
def test_office_files_that_are_damaged_or_of_another_kind_say_so(tmp_path, media_type):
    half, locked = tmp_path / "half", tmp_path / "locked"
    whole = write_docx(tmp_path / "a.docx", [PUMP])
    half.write_bytes(whole.read_bytes()[:3000])
    locked.write_bytes(OLE + "EncryptedPackage".encode("utf-16-le"))

    assert problem_of(half, media_type) == "CORRUPT"
    assert problem_of(locked, media_type) == "ENCRYPTED"
    assert problem_of(whole, media_type) in ("UNSUPPORTED_TYPE", "CORRUPT")


def test_entities_that_double_themselves_are_not_expanded(tmp_path):
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    doctype = f'<!DOCTYPE d [<!ENTITY l0 "ha">{laughs}]>'
    path = write_odt(tmp_path / "a.odt", "<text:p>before &l11; after</text:p>", doctype=doctype)

    assert problem_of(path, ODT) == "CORRUPT" or texts(parse(path, media_type=ODT)) == ["before after"]


@pytest.mark.parametrize("media_type", [ODT, PPTX])
def test_elements_without_end_in_each_other_are_corrupt(tmp_path, media_type):
    deep = "<text:section>" * 5000 + "</text:section>" * 5000
    path = (
        write_odt(tmp_path / "a", deep)
        if media_type == ODT
        else write_pptx(tmp_path / "a", ["<p:g>" * 5000 + "</p:g>" * 5000])
    )

    assert problem_of(path, media_type) == "CORRUPT"


def test_a_mail_of_mails_without_end_is_read_as_far_as_it_makes_sense(tmp_path):
    content = b"Subject: innermost\n\ncore\n"
    for n in range(60):
        part = b"Content-Type: message/rfc822\n\n" + content
        content = b"Subject: s%d\nContent-Type: multipart/mixed; boundary=b%d\n\n" % (n, n)
        content += b"--b%d\n%s\n--b%d--\n" % (n, part, n)
    path = tmp_path / "a.eml"
    path.write_bytes(content)

    assert texts(parse(path, media_type=EML))[:3] == ["s59", "s58", "s57"]


def test_a_sheet_with_a_cell_at_the_far_end_costs_that_file_only(tmp_path):
    path = write_xlsx(tmp_path / "a.xlsx", {"S": [["x"]]})
    far = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>far</t></is></c></row></sheetData>'
    replace_in_docx(path, "xl/worksheets/sheet0.xml", "</sheetData>", far)

    with pytest.raises(ParsingError) as caught:
        parse_isolated(path, XLSX)

    assert caught.value.code == "TOO_LARGE"
