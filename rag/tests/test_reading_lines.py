"""The kinds of lines in a document's text: prose, headings, tables, code."""

from hypothesis import given
from hypothesis import strategies as st

from rag.parsing.media_types import HTML, MARKDOWN, PLAIN_TEXT, SOURCE_CODE
from rag.reading import Piece
from rag.reading_lines import Lines, lines_of

CODE = "def f(x: int | None):\n    return x\n"


def kinds_of(text: str, media_type: str = "", headings: frozenset[str] = frozenset()) -> list[str]:
    return [line.kind for line in lines_of([Piece(text)], headings, media_type)]


def test_lines_are_kept_whole_and_told_apart():
    pieces = [Piece("Pumps\nThe pump "), Piece("runs\na | b", is_marked=True, is_place=True), Piece("\nend")]

    lines = lines_of(pieces, {"Pumps"})

    assert [line.kind for line in lines] == ["heading", "text", "table", "text"]
    assert (
        "".join(piece.text for line in lines for piece in line.pieces) == "Pumps\nThe pump runs\na | b\nend"
    )
    assert [piece.text for line in lines for piece in line.pieces if piece.is_marked] == ["runs\n", "a | b"]
    assert [piece.text for line in lines for piece in line.pieces if piece.is_place] == ["runs\n"]


def test_paragraphs_of_several_lines_are_code_where_nothing_else_keeps_its_lines():
    text = f"How to\n\n{CODE}\n    more\n    of it\n\nend"

    assert kinds_of(text, MARKDOWN, frozenset({"How to"})) == ["heading", "text", "code", "text"]
    assert kinds_of(text, HTML) == ["text", "code", "text"]
    assert "code" not in kinds_of(text, PLAIN_TEXT)


def test_lists_and_tables_are_no_code():
    assert kinds_of("• one\n• two\n\n1. one\n2. two", MARKDOWN) == ["text"]
    assert kinds_of("a | b\nc | d", MARKDOWN) == ["table"]
    assert kinds_of("… rest | b\nc | d\ne …", MARKDOWN) == ["table", "text"]


def test_every_line_of_a_program_is_code():
    assert kinds_of(f"a | b\n\n{CODE}", SOURCE_CODE) == ["code"]


def test_a_table_has_rows_of_cells_with_their_marks():
    [table] = lines_of([Piece("Part | Hours\nFil"), Piece("ter | 500", is_marked=True, is_place=True)], set())

    assert table.rows == [
        [[Piece("Part")], [Piece("Hours")]],
        [
            [Piece("Fil"), Piece("ter", is_marked=True, is_place=True)],
            [Piece("500", is_marked=True)],
        ],
    ]


def test_an_empty_cell_keeps_its_place():
    assert Lines("table", [Piece("a |  | c\n")]).rows == [[[Piece("a")], [], [Piece("c")]]]


@given(st.text(alphabet="ab| •\n", max_size=60), st.sampled_from([MARKDOWN, PLAIN_TEXT, SOURCE_CODE]))
def test_no_character_is_lost_or_moved(text, media_type):
    lines = lines_of([Piece(text)] if text else [], {"a"}, media_type)

    assert "".join(piece.text for line in lines for piece in line.pieces) == text
