"""Documents of several languages in one search: each is stemmed as its language is, and a question in every one."""

import math

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from rag.models import Document, Lexeme
from rag.retrieval.search import WEIGHT_KNOWN_LANGUAGE, Audience, search, search_passages
from rag.tests.embedders import ScriptedEmbedder
from rag.tests.library import make_collection, make_user

pytestmark = pytest.mark.django_db

# A sentence of each language that has a stemmer, and a question that has none of its words in the same form.
INFLECTED = {
    "ar": ("يجب أن يبقى ضغط المضخات أقل من ستة بار.", "مضخة"),
    "de": ("Die Häuser in der Straße sind alt, und der Vertrag wurde gekündigt.", "Haus"),
    "el": ("Τα βιβλία είναι στη βιβλιοθήκη της πόλης.", "βιβλίου"),
    "en": ("The houses of the village are old, and the contract was cancelled.", "cancelling"),
    "es": ("Las informaciones de la empresa son públicas y se revisan en el mes de mayo.", "información"),
    "fr": ("Les vaches du village sont dans le pré, et la ferme est à vendre.", "vache"),
    "hi": ("किताबें मेज़ पर रखी हैं और वे पुरानी हैं।", "किताब"),
    "it": ("Le valvole della pompa sono di ottone e si controllano con la chiave.", "valvola"),
    "nl": ("De huurders van het gebouw hebben een klacht, en die wordt behandeld.", "huurder"),
    "pt": ("As informações da empresa são públicas e não mudam com o tempo.", "informação"),
    "ru": ("В библиотеке лежат старые книги на русском языке.", "книга"),
    "sv": ("Bilarna på gatan är gamla och det är inte bra för den som bor där.", "bil"),
}


@pytest.fixture
def ada():
    return make_user("ada")


def found(user, question: str) -> list[str]:
    return [
        p.text for p in search(Audience.of_user(user), question, embedder=ScriptedEmbedder()) if p.bm25 > 0
    ]


def test_a_word_is_found_in_the_other_forms_that_its_language_gives_it(ada):
    make_collection(ada, "library", *(text for text, _ in INFLECTED.values()))

    assert set(Document.objects.values_list("language", flat=True)) == INFLECTED.keys()
    for text, question in INFLECTED.values():
        assert found(ada, question) == [text], question


@pytest.mark.parametrize("question", ["informacion", "informaciones", "INFORMACIÓN"])
def test_words_typed_without_their_accents_are_the_same(ada, question):
    make_collection(ada, "library", INFLECTED["es"][0])

    assert found(ada, question) == [INFLECTED["es"][0]]


def test_one_question_finds_documents_of_all_languages_and_a_word_counts_once(ada):
    german = "Die Panthers haben das Spiel in der Verlängerung gewonnen."
    english = "The Panthers have won the game in the extra time."
    make_collection(ada, "library", german, english, "nothing of the kind is in this one")
    passages = search(Audience.of_user(ada), "Panthers", embedder=ScriptedEmbedder())

    bm25 = {passage.text: passage.bm25 for passage in passages if passage.bm25 > 0}

    assert bm25.keys() == {german, english}
    stems = Lexeme.objects.filter(lexeme__startswith="panth").values_list("language", "lexeme")
    assert set(stems) == {("de", "panth"), ("en", "panther")}
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))  # in two chunks of three, whatever their languages
    lengths = {german: 4, english: 5}  # without stop words
    for text, score in bm25.items():
        assert score == pytest.approx(idf * 2.2 / (1 + 1.2 * (0.25 + 0.75 * lengths[text] / 100)), rel=1e-3)


def test_words_score_at_most_their_bound(ada):
    """No chunk has a word of the question in more than one form, so BM25 is at most 2.2 times the sum of idf."""
    repeated = " ".join(["Häuser Haus Hauses houses house"] * 30)
    make_collection(ada, "library", f"Die {repeated} und der", f"The {repeated} of the", "something else")

    passages = search(Audience.of_user(ada), "Häuser houses Haus", embedder=ScriptedEmbedder())

    assert len(passages) == 2
    for passage in passages:
        assert 0.8 < passage.score / (1 - WEIGHT_KNOWN_LANGUAGE) <= 1, (
            "near the bound, as its words are repeated so often"
        )


def test_what_its_own_language_calls_stop_words_weighs_nothing_in_documents_of_others(ada):
    make_collection(ada, "library", "Die Reise in the middle of the week war für uns die beste.")
    assert Document.objects.get().language == "de"
    assert Lexeme.objects.filter(language="de", lexeme="the").exists()

    assert found(ada, "What is the of?") == []


def test_a_private_document_of_another_language_changes_nothing_for_others(ada):
    guest = make_user("guest", is_guest=True)
    make_collection(ada, "open", "The haus is a village of the valley.", everyone=True)
    make_collection(ada, "secret", "Das Haus ist alt, und die Häuser sind es auch.")

    def scores(question: str) -> list[tuple[str, float, float]]:
        passages = search(Audience.of_user(guest), question, embedder=ScriptedEmbedder())
        return [(p.text, p.score, p.bm25) for p in passages]

    assert scores("village Häuser") == scores("village Qwertzen")


def test_misspelt_words_of_other_languages_are_corrected(ada):
    make_collection(ada, "library", *(f"Die Kündigungen der Verträge sind in Ordner {n}." for n in range(3)))

    findings = search_passages(Audience.of_user(ada), "Vertärge", embedder=ScriptedEmbedder())

    assert findings.corrections == {"vertarg": "vertrag"}
    assert sum(passage.bm25 > 0 for passage in findings.passages) == 3


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("数据库管理系统是一种管理数据库的软件。", "数据库"),
        ("このシステムはデータベースを管理します。", "データベース"),
        ("이 시스템은 데이터베이스를 관리합니다.", "데이터베이스"),
        ("Linux数据库很快", "linux"),
    ],
)
def test_words_of_languages_without_spaces_are_found_inside_their_sentences(ada, text, question):
    make_collection(ada, "library", text, "The pump of the station")

    assert found(ada, question) == [text]


def pairs(text: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rag_pairs(%s)", [text])
        [(paired,)] = cursor.fetchall()
    return " ".join(paired.split())


@pytest.mark.parametrize(
    ("text", "paired"),
    [
        ("数据库", "数据 据库"),
        ("茶 と", "茶 と"),
        ("v2の东京・大阪", "v2 の东 东京 ・ 大阪"),
        ("한국어", "한국 국어"),
        ("Häuser, naïve", "Häuser, naïve"),
    ],
)
def test_chinese_japanese_and_korean_are_cut_into_overlapping_pairs(text, paired):
    assert pairs(text) == paired


def test_places_of_words_are_the_same_in_all_languages(db):
    texts = st.lists(
        st.sampled_from(
            "the die les Häuser 1,234 -5 a@b.example http://x.example/y?z=1 v1.2.3 x_y & <b> &amp; 数据库 don't".split()
        ),
        max_size=12,
    ).map(" ".join)

    @given(texts)
    def check(text: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT w.place, s.lexeme FROM rag_question_words(%(text)s, '', '') w LEFT JOIN ("
                " SELECT unnest(u.positions) AS place, u.lexeme"
                " FROM unnest(to_tsvector('simple', rag_pairs(rag_normalize(%(text)s)))) u) s USING (place)"
                " WHERE s.lexeme IS NULL OR left(s.lexeme, 1) <> left(w.lexeme, 1)",
                {"text": text},
            )
            assert cursor.fetchall() == []

    check()
