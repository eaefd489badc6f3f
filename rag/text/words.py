"""Words of a text in a comparable form, for judging how much two texts speak of the same thing. Pure.

The measure is deliberately crude (no dictionary, any language): fold case, drop the commonest function words
of English and German, cut English inflections, and take Chinese, Japanese and Korean text in pairs of
characters.
"""

import re
import unicodedata
from collections.abc import Iterable

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+")
_SUFFIXES = ("ations", "ation", "ings", "ing", "edly", "ied", "ies", "ed", "es", "ly", "s", "e")
_SHORTEST_STEM = 3

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


def stem(word: str) -> str:
    """The word without a common English ending; words of other languages mostly pass unchanged."""
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= _SHORTEST_STEM:
            return word[: -len(suffix)] + ("y" if suffix in ("ies", "ied") else "")
    return word


def _forms(word: str) -> Iterable[str]:
    if _CJK.search(word):
        for run in _CJK.findall(word):
            yield from (run[i : i + 2] for i in range(max(1, len(run) - 1)))
        return
    word = re.split("['’]", word)[0]
    if word not in STOP_WORDS:
        yield stem(word)


def content_words(text: str) -> list[str]:
    """The words that carry meaning, folded and stemmed, in order and with repeats; may be empty."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [form for word in _WORD.findall(folded) for form in _forms(word)]
