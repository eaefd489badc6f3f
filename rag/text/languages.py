"""A cheap guess at the language of a question, from its function words. Pure."""

import re
from dataclasses import dataclass

_ENGLISH = frozenset(
    "the of and to in is that it for was on are as with they be at this have from or had by but what were when which"
    " how why who where does did do can could should would will an not you your there their if".split()
)
_OTHERS = (
    "der die das und ist nicht ein eine einen einem einer eines zu zum zur den dem des mit von vom für auf im in an am"
    " als wie was wer wem wen wann wo wohin woher welche welcher welches welchem welchen warum wieso wird werden worden"
    " sind war waren wurde wurden hat haben hatte hatten kann können konnte auch aus bei beim nach durch über unter um"
    " viele viel oder sich er sie es ihr ihre sein seine seiner man dass so noch nur vor gegen ab bis zwischen diese"
    " dieser dieses diesem gibt es gab tat machte",
    "le la les un une des et est dans que qui pour sur pas avec au aux du ce cette sont quel quelle comment quand où"
    " pourquoi combien était ont par plus",
    "el la los las un una y es en que de para con por se del al como cuál qué cuándo dónde quién cuántos fue son está",
    "il lo la gli un una e è di che per con non del della dei delle sono come quando dove chi quale quanti perché era",
    "de het een en is van voor met op niet dat die zijn wordt hoe wat wie waar wanneer welke waarom werd hebben",
    "o a os as um uma e é de do da dos das em para com não que como quando onde quem qual por foi são",
    "och att det är en ett som på av för med inte den vad hur när var vem varför vilka",
    "i w na z jest nie się do to że jak kiedy gdzie kto co dlaczego który która są był",
)
_OTHER_LANGUAGES = tuple(frozenset(words.split()) for words in _OTHERS)
# By ISO 639-1 code, in the order of the lists above.
WORDS_BY_LANGUAGE = dict(
    zip(("en", "de", "fr", "es", "it", "nl", "pt", "sv", "pl"), (_ENGLISH, *_OTHER_LANGUAGES), strict=True)
)
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Language:
    """A guess: a text's language by ISO 639-1, and the words in it that only hold its sentences together.

    The code is "" where only the letters tell that the text is not English.
    """

    code: str
    function_words: frozenset[str]

    @property
    def is_english(self) -> bool:
        """Whether the text is taken as English."""
        return self.code == "en"


def guess_language(text: str) -> Language:
    """The language with most function words in the text; English where it is no fewer.

    Without any, as in a list of keywords, letters decide: mostly plain a-z counts as English.
    """
    words = [word.lower() for word in _WORD.findall(text)]
    counts = {code: sum(word in known for word in words) for code, known in WORDS_BY_LANGUAGE.items()}
    best = max(counts, key=lambda code: counts[code])  # the first of equals, and English comes first
    if counts[best]:
        return Language(best, WORDS_BY_LANGUAGE[best].intersection(words))
    letters = "".join(words)
    is_english = sum(letter.isascii() for letter in letters) >= 0.9 * len(letters)
    return Language("en" if is_english else "", frozenset())
