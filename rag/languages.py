"""A cheap guess whether a text is English, from its function words. Pure."""

import re

_ENGLISH = frozenset(
    "the of and to in is that it for was on are as with they be at this have from or had by but what were when which"
    " how why who where does did do can could should would will an not you your there their if".split()
)
_OTHERS = (
    "der die das und ist nicht ein eine einen einem einer zu den dem des mit von für auf im wie wer wann wo welche"
    " welcher welches warum wird werden sind hat haben kann auch aus bei nach wurde war viele wurden oder",
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
_WORD = re.compile(r"[^\W\d_]+")


def is_probably_english(text: str) -> bool:
    """Whether English function words are at least as many as those of any other language known here.

    Without function words, as in a list of keywords, letters decide: mostly plain a-z counts as English.
    """
    words = [word.lower() for word in _WORD.findall(text)]
    english = sum(word in _ENGLISH for word in words)
    other = max(sum(word in language for word in words) for language in _OTHER_LANGUAGES)
    if english or other:
        return english >= other
    letters = "".join(words)
    return sum(letter.isascii() for letter in letters) >= 0.9 * len(letters)
