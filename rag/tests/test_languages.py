import pytest

from rag.text.languages import guess_language


@pytest.mark.parametrize(
    ("text", "is_english"),
    [
        ("What is the purpose of the DiffExecutor struct?", True),
        ("Wie viele Punkte gab die Verteidigung der Panthers ab?", False),
        ("Quelle est la capitale de la France ?", False),
        ("¿Cuál es la capital de España?", False),
        ("hydraulic pump pressure", True),
        ("гидравлический насос", False),
        ("", True),
    ],
)
def test_the_language_is_guessed_from_function_words_else_from_letters(text, is_english):
    assert guess_language(text).is_english is is_english


def test_function_words_are_those_of_the_guessed_language_only():
    assert guess_language("Wer ist die Frau in the middle?").function_words == {"wer", "ist", "die", "in"}
