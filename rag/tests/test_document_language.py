import pytest

from rag.text.document_language import detect_language

TEXTS = {
    "en": "The pump must stay below six bar, and the valve is checked before it is opened.",
    "de": "Die Pumpe muss unter sechs Bar bleiben, und das Ventil wird geprüft, bevor man es öffnet.",
    "fr": "La pompe doit rester en dessous de six bars, et la vanne est contrôlée avant que l'on ouvre.",
    "es": "La bomba debe quedar por debajo de seis bares y la válvula se revisa antes de que se abra.",
    "it": "La pompa deve restare sotto i sei bar e la valvola è controllata prima che si apra con la chiave.",
    "nl": "De pomp moet onder zes bar blijven en het ventiel wordt gecontroleerd voor het opengaat.",
    "pt": "A bomba deve ficar abaixo de seis bar e a válvula é verificada antes que não se abra por engano.",
    "sv": "Pumpen ska vara under sex bar och ventilen kontrolleras innan den öppnas för att det är viktigt.",
    "pl": "Pompa nie może być powyżej sześciu barów i zawór jest sprawdzany na to, jak się otwiera.",
    "ru": "Давление насоса должно оставаться ниже шести бар.",
    "uk": "Тиск насоса має залишатися нижче шести бар, її перевіряють.",
    "zh": "泵的压力必须保持在六巴以下，打开之前要检查阀门，并且记录结果。",
    "ja": "ポンプの圧力は六バール以下に保つ必要があります。",
    "ko": "펌프의 압력은 6바 이하로 유지되어야 합니다.",
    "ar": "يجب أن يبقى ضغط المضخة أقل من ستة بار",
}


@pytest.mark.parametrize("language", TEXTS)
def test_the_language_of_a_text_is_told_from_its_script_and_its_function_words(language):
    assert detect_language(TEXTS[language]) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok",
        "1234 5678",
        "Müller Schmidt Meier Schulz Becker Hoffmann Koch",
        "x = y0 + z1; foo(bar, baz);",
    ],
)
def test_what_is_no_running_text_has_no_language(text):
    assert detect_language(text) == ""


def test_a_long_document_is_judged_by_its_middle_too():
    names = "Meier Schulz Becker " * 4000

    assert detect_language(names + TEXTS["de"] * 4000 + names) == "de"
