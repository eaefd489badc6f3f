"""Finding quoted words in a text although spaces, quotation marks, dashes or case were changed. Pure."""

import unicodedata

from rag.text.words import content_words

_SINGLE = {ord(mark): "'" for mark in "\"'‘’‚‛“”„‟«»‹›`´′″"} | {ord(dash): "-" for dash in "‐‑‒–—―−"}


def find_quote(quote: str, text: str) -> tuple[int, int] | None:
    """The (start, end) offsets in `text` of the first whole-word occurrence of `quote`, or None.

    Equal is what differs only in white space, quotation marks, kinds of dash, letter case, compatibility
    forms (NFKC) or invisible characters. A quote without a letter or digit stands nowhere. `text` should be
    NFC.
    """
    needle, _ = _normalise(unicodedata.normalize("NFC", quote))
    needle = needle.strip(" '")
    if not any(character.isalnum() for character in needle):
        return None
    haystack, offsets = _normalise(text)
    at = haystack.find(needle)
    while at >= 0:
        end = at + len(needle)
        if not _cuts_word(haystack, at) and not _cuts_word(haystack, end):
            return offsets[at], offsets[end - 1] + 1
        at = haystack.find(needle, at + 1)
    return None


def _normalise(text: str) -> tuple[str, list[int]]:
    """The text in comparable form, and for each of its characters the offset of the one it came from."""
    characters: list[str] = []
    offsets: list[int] = []
    for offset, character in enumerate(text):
        if character.isspace():
            form = "" if characters and characters[-1] == " " else " "
        elif unicodedata.category(character) == "Cf":  # soft hyphens, joiners, marks of direction
            form = ""
        else:
            form = unicodedata.normalize("NFKC", character).casefold().translate(_SINGLE)
        characters.extend(form)
        offsets.extend([offset] * len(form))
    return "".join(characters), offsets


def _cuts_word(text: str, at: int) -> bool:
    """Whether a word goes on across `at`. Scripts written without spaces have no such places."""
    if not 0 < at < len(text):
        return False
    return all(character.isalnum() and character < "\u3040" for character in text[at - 1 : at + 1])


def find_support(claim: str, text: str, sentences: list[tuple[int, int]]) -> tuple[int, int] | None:
    """The sentence of `text` that shares most words with `claim`, or None if none shares enough.

    Enough: two content words (one if the claim has no more than two), and a quarter of the claim's. The
    measure is the cosine of the two sets of words, so a short sentence that says it beats a long one that
    says it, too.
    """
    wanted = set(content_words(claim))
    if not wanted:
        return None
    best, best_score = None, 0.0
    for start, end in sentences:
        words = set(content_words(text[start:end]))
        shared = len(wanted & words)
        if shared < min(2, len(wanted) if len(wanted) > 2 else 1) or shared < len(wanted) / 4:
            continue
        score = shared / (len(wanted) * len(words)) ** 0.5
        if score > best_score:
            best, best_score = (start, end), score
    return best
