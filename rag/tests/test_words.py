import pytest

from rag.text.words import content_words, fold, stem


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        ("", ["house", "houses"]),
        ("de", ["Haus", "Häuser", "Hauses", "Häusern"]),
        ("de", ["Kündigung", "Kündigungen"]),
        ("fr", ["vache", "vaches"]),
        ("fr", ["société", "sociétés"]),
        ("es", ["información", "informaciones", "informacion"]),
        ("it", ["valvola", "valvole"]),
        ("nl", ["huurder", "huurders"]),
        ("pt", ["informação", "informações"]),
        ("sv", ["bilen", "bilar", "bilarna"]),
        ("ru", ["книга", "книги", "книгами"]),
    ],
)
def test_the_forms_of_a_word_are_one_in_their_language(language, forms):
    stems = {tuple(content_words(form, language)) for form in forms}

    assert len(stems) == 1
    assert all(len(words) == 1 for words in stems)


def test_the_end_of_a_short_word_is_its_own():
    assert stem("haus", "de") == "haus"
    assert stem("see", "de") == "see"


def test_accents_and_case_do_not_count_but_letters_of_their_own_do():
    assert fold("ÉCOLE Straße naïve") == "ecole strasse naive"
    assert fold("Йод") == "йод"
    assert fold("데이터") == "데이터"


def test_function_words_are_those_of_the_language():
    assert content_words("La ferme est dans le village", "fr") == ["ferm", "villag"]
    assert content_words("für die Häuser") == ["hauser"]


def test_chinese_japanese_and_korean_come_in_pairs():
    assert content_words("数据库 茶 Linux系统") == ["数据", "据库", "茶", "系统"]
