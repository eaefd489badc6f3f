"""Words of a text in a comparable form, for judging how much two texts speak of the same thing. Pure.

The measure is deliberately crude (no dictionary, any language): fold case and accents, drop the commonest function
words, cut inflections, English ones where no language is given, and take Chinese, Japanese and Korean text in pairs of
characters. Search has better stemmers, in the database; this is for what is shown of its results.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

from rag.text.languages import WORDS_BY_LANGUAGE

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")
_SUFFIXES = ("ations", "ation", "ings", "ing", "edly", "ied", "ies", "ed", "es", "ly", "s", "e")
_SHORTEST_STEM = 3
_ACCENTED = re.compile(r"([a-z])[\u0300-\u036f]+")
# By language, the endings that make most forms of a noun, without accents.
_ENDINGS = {
    "de": "innen ern em en er es e s",
    "fr": "ements ement aux ees ee es er ez e s x",
    "es": "as os es a o e s",
    "it": "ie he a e i o",
    "nl": "en e s",
    "pt": "coes cao oes ao as os es a o e s",
    "sv": "arna erna orna ar er or en et an na a n",
    "pl": "ami ach ow om em ie a e i o u y",
    "ru": "ами ями ого его ов ев ей ах ях ой ый ий ая яя ое ее ые ие ом ем а я ы и у ю о е ь й",
}
_ENDINGS_BY_LANGUAGE = {language: tuple(endings.split()) for language, endings in _ENDINGS.items()}
_BEFORE_GERMAN_S = "bdfghklmnrt"  # as in Snowball: the s of "Haus" is none

STOP_WORDS = frozenset(
    """
    a about above after again all also am an and any are as at be because been before being below between both
    but by can could did do does doing down during each few for from further get give had has have having he
    her here hers him his how i if in into is it its just let many may me might more most much must my no nor
    not of off on once only or other our out over own per please same shall she should so some such tell than
    that the their them then there these they this those through to too under until up us very was we were
    what when where which while who whom whose why will with would yes you your aber als am an auch auf aus
    bei bin bis das dass dem den der des die dies diese dieser ein eine einem einen einer eines er es für hat
    ich ihr im in ist kann man mit nach nicht noch nur oder sein sich sie sind so über um und uns unter vom
    von vor war was wann warum wer wenn werden wie wir wird wo zu zum zur
    """.split()
)


def stem(word: str, language: str = "") -> str:
    """The folded word without a common ending of that language, by ISO 639-1; an English one for others."""
    if language not in _ENDINGS_BY_LANGUAGE:
        return _english_stem(word)
    for ending in _ENDINGS_BY_LANGUAGE[language]:
        rest = word.removesuffix(ending)
        if len(rest) < len(word) and len(rest) >= _SHORTEST_STEM:
            if language == "de" and ending == "s" and rest[-1] not in _BEFORE_GERMAN_S:
                return word
            return rest
    return word


def _english_stem(word: str) -> str:
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return word[: -len(suffix)] + ("y" if suffix in ("ies", "ied") else "")
    return word


def fold(text: str) -> str:
    """The text in small letters, Latin ones without accents: "Häuser" and "HAUSER" are the same."""
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return unicodedata.normalize("NFC", _ACCENTED.sub(r"\1", decomposed))


_FOLDED_STOP_WORDS = frozenset(map(fold, STOP_WORDS))
_FOLDED_FUNCTION_WORDS = {
    language: frozenset(map(fold, words)) for language, words in WORDS_BY_LANGUAGE.items()
}


def _forms(word: str, language: str) -> Iterable[str]:
    if _CJK.search(word):
        for start, end in pairs_in(word):
            yield word[start:end]
        return
    word = re.split("['’]", word)[0]
    if word not in _FOLDED_STOP_WORDS and word not in _FOLDED_FUNCTION_WORDS.get(language, ()):
        yield stem(word, language)


def pairs_in(text: str) -> Iterator[tuple[int, int]]:
    """Where the text's pairs of Chinese, Japanese and Korean characters are; one that stands alone is a pair, too."""
    for run in _CJK.finditer(text):
        for start in range(run.start(), max(run.start() + 1, run.end() - 1)):
            yield start, min(start + 2, run.end())


def content_words(text: str, language: str = "") -> list[str]:
    """The words that carry meaning, folded and stemmed, in order and with repeats; may be empty.

    Args:
        language: of the text, or of the text it is compared with, by ISO 639-1; "" where it is not known.
    """
    return [form for word in _WORD.findall(fold(text)) for form in _forms(word, language)]
