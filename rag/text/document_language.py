"""Which language a document is written in, from its letters and its function words. Pure."""

import re
from collections import Counter

from rag.text.languages import WORDS_BY_LANGUAGE

SAMPLE_CHARACTERS = 20_000  # of the beginning, the middle and the end each
_LEAST_SHARE = (
    0.08  # of a text's words; running text of these languages has 0.25 to 0.5, a list of names next to none
)
# Different ones, and of several letters: programs and formulas have few, however often.
_LEAST_WORDS = 2
_LEAST_WORDS_OF_A_TEXT = 3
_TEXT_WORDS = 20
_LEAST_LETTERS = 12

# Scripts that one of the languages with many readers is written in. Japanese mixes kana with Chinese characters.
_SCRIPTS = (
    ("ja", re.compile(r"[\u3041-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("zh", re.compile(r"[\u4e00-\u9fff]")),
    ("uk", re.compile(r"[іїєґІЇЄҐ]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
    ("el", re.compile(r"[\u0370-\u03ff]")),
    ("he", re.compile(r"[\u0590-\u05ff]")),
    ("fa", re.compile(r"[پچژگ]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("hi", re.compile(r"[\u0900-\u097f]")),
    ("th", re.compile(r"[\u0e00-\u0e7f]")),
)
# Letters of another language's script that are enough to tell the two apart, as a share of the script's letters.
_TELLING_SHARE = {"ja": 0.1, "ko": 0.3, "uk": 0.02, "fa": 0.02}
_WORD = re.compile(r"[^\W\d_]+")


def detect_language(text: str) -> str:
    """Return the ISO 639-1 code of the language most of the text is in, "" where that cannot be told.

    Programs, lists of names and languages that the tables do not know give "".
    """
    sample = _sample(text)
    words = [word.lower() for word in _WORD.findall(sample)]
    letters = sum(map(len, words))
    if letters < _LEAST_LETTERS:
        return ""
    latin = sum(character.isascii() or "À" <= character <= "ɏ" for word in words for character in word)
    if latin < letters / 2:
        return _of_script(sample, letters - latin)
    counts = Counter(words)
    least = _LEAST_WORDS_OF_A_TEXT if len(words) >= _TEXT_WORDS else _LEAST_WORDS
    totals = {
        language: sum(counts[word] for word in known)
        for language, known in WORDS_BY_LANGUAGE.items()
        if sum(len(word) > 1 for word in known & counts.keys()) >= least
    }
    best = max(totals, key=lambda language: totals[language], default="")
    return best if best and totals[best] >= _LEAST_SHARE * len(words) else ""


def _sample(text: str) -> str:
    if len(text) <= 3 * SAMPLE_CHARACTERS:
        return text
    middle = len(text) // 2
    parts = (text[:SAMPLE_CHARACTERS], text[middle : middle + SAMPLE_CHARACTERS], text[-SAMPLE_CHARACTERS:])
    return "\n".join(parts)


def _of_script(sample: str, letters: int) -> str:
    for language, script in _SCRIPTS:
        if len(script.findall(sample)) >= letters * _TELLING_SHARE.get(language, 0.5):
            return language
    return ""
