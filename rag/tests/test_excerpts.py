"""What a list of results shows of a passage."""

from rag.retrieval.excerpts import EXCERPT_CHARACTERS, best_part, results_of
from rag.retrieval.passages import Passage

FILLER = "Nothing of interest stands in this sentence at all. " * 12
TEXT = f"{FILLER}The hydraulic pump runs at nine hundred turns. {FILLER}".strip()


def passage(text: str, *, bm25: float = 0.0, cosine: float | None = None) -> Passage:
    return Passage(1, 1, "Manual", 1, text, None, None, "", 0.5, cosine, bm25)


def test_the_excerpt_is_the_part_with_the_words_and_marks_them():
    (result,) = results_of("hydraulic pumps", [passage(TEXT, bm25=1.0)])

    shown = "".join(piece.text for piece in result.pieces)
    assert shown.startswith("… The hydraulic pump runs")
    assert shown.endswith(" …")
    assert [piece.text for piece in result.pieces if piece.is_marked] == ["hydraulic", "pump"]
    assert TEXT[result.start : result.end] in shown
    assert result.end - result.start <= EXCERPT_CHARACTERS


def test_what_shares_neither_word_nor_meaning_is_no_result():
    far = passage(TEXT, cosine=0.2)

    assert results_of("zzqqx", [far]) == []
    assert results_of("zzqqx", [passage(TEXT, cosine=0.7)]) != []
    assert results_of("zzqqx", [passage(TEXT, bm25=2.0)]) != []  # a misspelling that search has corrected
    assert results_of("pump", [far]) != []


def test_a_text_without_sentences_or_words_has_an_excerpt():
    assert best_part({"pump"}, "") == (0, 0)
    assert best_part(set(), "x" * 1000) == (0, EXCERPT_CHARACTERS)
    assert best_part({"pump"}, "One. Two.") == (0, 9)


def marked(query: str, text: str) -> list[str]:
    [result] = results_of(query, [passage(text)])
    return [piece.text for piece in result.pieces if piece.is_marked]


def test_words_of_another_language_are_marked_in_their_other_forms():
    text = "Die Häuser in der Straße sind alt. Das Haus des Verwalters wird mit dem Vertrag verkauft."

    assert marked("Hauses Verträge", text) == ["Häuser", "Haus", "Vertrag"]


def test_of_a_sentence_without_spaces_the_words_are_marked_that_were_searched_for():
    assert marked("数据库", "开源数据库管理系统是软件。") == ["数据库"]
