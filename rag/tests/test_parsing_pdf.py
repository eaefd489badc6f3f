from rag.ingestion.chunking import chunk_document
from rag.parsing import Block, parse
from rag.parsing.media_types import PDF
from rag.parsing.pdf_layout import read_pages
from rag.parsing.pdf_page import Line, Page, drop_running_lines
from rag.tests.documents import PUMP, write_lines_pdf, write_outlined_pdf, write_pdf


def page_of(number, *lines):
    """A page 1000 points high; a line is (top, text)."""
    return Page(
        number, tuple(Line(text, 50, 50 + 5 * len(text), top, top - 10, 10) for top, text in lines), 0, 1000
    )


def kept_texts(pages):
    return [[line.text for line in page.lines] for page in drop_running_lines(pages)]


def test_paragraphs_come_with_their_pages_and_font_size_tells_headings(tmp_path):
    path = write_pdf(
        tmp_path / "a.pdf",
        [
            [("Heading1", "Pumps"), PUMP * 4, PUMP * 5, ("Heading2", "Start")],
            [PUMP * 3, ("Heading1", "Valves"), PUMP * 2],
        ],
        title="Pump manual",
    )

    parsed = parse(path, media_type=PDF)

    assert parsed.title == "Pump manual" and parsed.page_count == 2
    assert parsed.blocks == (
        Block("Pumps", 1, (), True),
        Block((PUMP * 4).strip(), 1, ("Pumps",)),
        Block((PUMP * 5).strip(), 1, ("Pumps",)),
        Block("Start", 1, ("Pumps",), True),
        Block((PUMP * 3).strip(), 2, ("Pumps", "Start")),
        Block("Valves", 2, (), True),
        Block((PUMP * 2).strip(), 2, ("Valves",)),
    )


def test_headings_come_from_the_outline_where_there_is_one(tmp_path):
    path = write_outlined_pdf(
        tmp_path / "a.pdf",
        [(0, "Pumps", "About pumps."), (1, "Start", "Open the valve."), (0, "Valves", "About valves.")],
    )

    parsed = parse(path, media_type=PDF)

    assert parsed.blocks == (
        Block("1. Pumps", 1, (), True),
        Block("About pumps.", 1, ("1. Pumps",)),
        Block("2. Start", 2, ("1. Pumps",), True),
        Block("Open the valve.", 2, ("1. Pumps", "2. Start")),
        Block("3. Valves", 3, (), True),
        Block("About valves.", 3, ("3. Valves",)),
    )


def test_running_headers_and_page_numbers_are_dropped(tmp_path):
    pages = [[f"{PUMP * 3} Item {number} has the number {number}."] for number in range(5)]
    path = write_pdf(tmp_path / "a.pdf", pages, header="ACME internal", numbered=True)

    parsed = parse(path, media_type=PDF)

    assert [block.text for block in parsed.blocks] == [
        f"{PUMP * 3}Item {number} has the number {number}." for number in range(5)
    ]


def test_words_divided_at_a_line_end_are_closed(tmp_path):
    lines = [
        "The pressure of the pump is kept as infor-",
        "mation about its Covid-",
        "19 state and its value.",
    ]
    path = write_lines_pdf(tmp_path / "a.pdf", lines)

    assert [block.text for block in parse(path, media_type=PDF).blocks] == [
        "The pressure of the pump is kept as information about its Covid-19 state and its value."
    ]


def test_lists_and_short_lines_keep_their_line_ends(tmp_path):
    path = write_lines_pdf(
        tmp_path / "a.pdf",
        [
            "The following valves are part of the system and must be opened in this order:",
            "• the first valve",
            "• the second valve",
            "Serial 4711",
            "Building 9",
        ],
    )

    assert [block.text for block in parse(path, media_type=PDF).blocks] == [
        "The following valves are part of the system and must be opened in this order:\n"
        "• the first valve\n• the second valve\nSerial 4711\nBuilding 9"
    ]


def test_a_wide_space_starts_a_paragraph():
    long = "a line that is full to the right edge"
    page = page_of(1, (800, long), (788, long), (776, "the end"), (740, long), (728, long))

    assert [block.text for block in read_pages([page], [])] == [f"{long} {long} the end", f"{long} {long}"]


def test_a_second_column_is_read_after_the_first():
    page = page_of(1, (800, "left one,"), (788, "left two,"), (800, "right one,"), (788, "right two,"))

    assert [block.text for block in read_pages([page], [])] == [
        "left one, left two,",
        "right one, right two,",
    ]


def test_leaders_of_a_table_of_contents_are_shortened():
    assert read_pages([page_of(1, (500, "Pumps . . . . . . . . 12"))], [])[0].text == "Pumps … 12"


def test_headers_with_chapter_names_go_by_their_page_numbers():
    pages = [
        page_of(n, (980, f"Chapter {n // 2} {n + 4}"), (500, f"text {n}"), (20, "Acme")) for n in range(1, 9)
    ]

    assert kept_texts(pages) == [[f"text {n}"] for n in range(1, 9)]


def test_lines_in_the_margin_that_differ_are_kept():
    pages = [
        page_of(n, (980, f"{name} pump"), (500, "same text")) for n, name in enumerate(["Red", "Blue", "Old"])
    ]

    assert kept_texts(pages) == [
        ["Red pump", "same text"],
        ["Blue pump", "same text"],
        ["Old pump", "same text"],
    ]


def test_a_page_never_loses_its_only_lines():
    pages = [page_of(n, (980, f"Slide {n}")) for n in range(1, 6)]

    assert kept_texts(pages) == [[f"Slide {n}"] for n in range(1, 6)]


def test_large_letters_are_no_headings_where_they_are_common():
    lines = [
        Line(f"Slogan {n} in letters", 50, 300, 900 - 40 * n, 880 - 40 * n, 20.0 if n % 2 else 10.0)
        for n in range(9)
    ]

    assert not any(block.is_heading for block in read_pages([Page(1, tuple(lines), 0, 1000)], []))


def test_a_long_pdf_becomes_chunks_with_pages(tmp_path):
    pages = [[("Heading1", f"Chapter {n}"), PUMP * 20] for n in range(1, 31)]
    path = write_pdf(tmp_path / "a.pdf", pages, numbered=True)

    text, chunks = chunk_document(parse(path, media_type=PDF))

    assert {chunk.page for chunk in chunks} == set(range(1, 31))
    assert all(chunk.heading == f"Chapter {chunk.page}" for chunk in chunks)
    assert "Page" not in text
