"""Which strings are one emoji, and which of its spellings is stored. Pure.

The grammar is that of emoji ZWJ sequences and their parts in UTS #51 (https://www.unicode.org/reports/tr51/). The
tables are the properties Emoji, Emoji_Presentation and Emoji_Modifier_Base of Unicode 18 (emoji-data.txt), without the
digits, `#`, `*` and the regional indicators, which are emoji only together with something else.
"""

import re

from chat.errors import BadInput

EMOJI_MAX_CHARACTERS = 32  # code points; the longest in use, a kiss of two skin tones, has ten
_ELEMENTS_MAX = 4  # of a sequence joined by ZWJ: a family of four
_ZWJ = "\u200d"
_AS_PICTURE = "\ufe0f"  # VS16: what stands before it is drawn as a picture, not as a sign of the text

_EMOJI = (
    "A9 AE 203C 2049 2122 2139 2194-2199 21A9-21AA 231A-231B 2328 23CF 23E9-23F3 23F8-23FA 24C2 25AA-25AB "
    "25B6 25C0 25FB-25FE 2600-2604 260E 2611 2614-2615 2618 261D 2620 2622-2623 2626 262A 262E-262F 2638-263A "
    "2640 2642 2648-2653 265F-2660 2663 2665-2666 2668 267B 267E-267F 2692-2697 2699 269B-269C 26A0-26A1 26A7 "
    "26AA-26AB 26B0-26B1 26BD-26BE 26C4-26C5 26C8 26CE-26CF 26D1 26D3-26D4 26E9-26EA 26F0-26F5 26F7-26FA 26FD "
    "2702 2705 2708-270D 270F 2712 2714 2716 271D 2721 2728 2733-2734 2744 2747 274C 274E 2753-2755 2757 "
    "2763-2764 2795-2797 27A1 27B0 27BF 2934-2935 2B05-2B07 2B1B-2B1C 2B50 2B55 3030 303D 3297 3299 1F004 "
    "1F0CF 1F170-1F171 1F17E-1F17F 1F18E 1F191-1F19A 1F201-1F202 1F21A 1F22F 1F232-1F23A 1F250-1F251 "
    "1F300-1F321 1F324-1F393 1F396-1F397 1F399-1F39B 1F39E-1F3F0 1F3F3-1F3F5 1F3F7-1F4FD 1F4FF-1F53D "
    "1F549-1F54E 1F550-1F567 1F56F-1F570 1F573-1F57A 1F587 1F58A-1F58D 1F590 1F595-1F596 1F5A4-1F5A5 1F5A8 "
    "1F5B1-1F5B2 1F5BC 1F5C2-1F5C4 1F5D1-1F5D3 1F5DC-1F5DE 1F5E1 1F5E3 1F5E8 1F5EF 1F5F3 1F5FA-1F64F "
    "1F680-1F6C5 1F6CB-1F6D2 1F6D5-1F6D9 1F6DC-1F6E5 1F6E9 1F6EB-1F6EC 1F6F0 1F6F3-1F6FC 1F7E0-1F7EB 1F7F0 "
    "1F90C-1F93A 1F93C-1F945 1F947-1F9FF 1FA70-1FA7C 1FA80-1FAC6 1FAC8 1FACC-1FADD 1FADF-1FAEB 1FAEF-1FAFA"
)
_DRAWN_AS_PICTURES = (
    "231A-231B 23E9-23EC 23F0 23F3 25FD-25FE 2614-2615 2648-2653 267F 2693 26A1 26AA-26AB 26BD-26BE 26C4-26C5 "
    "26CE 26D4 26EA 26F2-26F3 26F5 26FA 26FD 2705 270A-270B 2728 274C 274E 2753-2755 2757 2795-2797 27B0 27BF "
    "2B1B-2B1C 2B50 2B55 1F004 1F0CF 1F18E 1F191-1F19A 1F201 1F21A 1F22F 1F232-1F236 1F238-1F23A 1F250-1F251 "
    "1F300-1F320 1F32D-1F335 1F337-1F37C 1F37E-1F393 1F3A0-1F3CA 1F3CF-1F3D3 1F3E0-1F3F0 1F3F4 1F3F8-1F43E "
    "1F440 1F442-1F4FC 1F4FF-1F53D 1F54B-1F54E 1F550-1F567 1F57A 1F595-1F596 1F5A4 1F5FB-1F64F 1F680-1F6C5 "
    "1F6CC 1F6D0-1F6D2 1F6D5-1F6D9 1F6DC-1F6DF 1F6EB-1F6EC 1F6F4-1F6FC 1F7E0-1F7EB 1F7F0 1F90C-1F93A "
    "1F93C-1F945 1F947-1F9FF 1FA70-1FA7C 1FA80-1FAC6 1FAC8 1FACC-1FADD 1FADF-1FAEB 1FAEF-1FAFA"
)
_WITH_SKIN_TONES = (
    "261D 26F9 270A-270D 1F385 1F3C2-1F3C4 1F3C7 1F3CA-1F3CC 1F442-1F443 1F446-1F450 1F466-1F478 1F47C "
    "1F481-1F483 1F485-1F487 1F48F 1F491 1F4AA 1F574-1F575 1F57A 1F590 1F595-1F596 1F645-1F647 1F64B-1F64F "
    "1F6A3 1F6B4-1F6B6 1F6C0 1F6CC 1F90C 1F90F 1F918-1F91F 1F926 1F930-1F939 1F93C-1F93E 1F977 1F9B5-1F9B6 "
    "1F9B8-1F9B9 1F9BB 1F9CD-1F9CF 1F9D1-1F9DD 1FAC3-1FAC5 1FAF0-1FAFA"
)


def _any_of(ranges: str) -> str:
    """A character class of "A9 2194-2199", code points in hexadecimal."""
    bounds = (tuple(int(end, 16) for end in part.split("-")) for part in ranges.split())
    return "[" + "".join("-".join(map(chr, ends)) for ends in bounds) + "]"


_ELEMENT = (
    f"(?:{_any_of(_WITH_SKIN_TONES)}{_AS_PICTURE}?[\U0001f3fb-\U0001f3ff]|{_any_of(_EMOJI)}{_AS_PICTURE}?)"
)
_KEYCAP = f"[0-9#*]{_AS_PICTURE}?\u20e3"
_COUNTRY = "[\U0001f1e6-\U0001f1ff]{2}"
_NATION = (
    "\U0001f3f4"
    + "(?:"
    + "|".join("".join(chr(0xE0000 + ord(letter)) for letter in code) for code in ("gbeng", "gbsct", "gbwls"))
    + ")\U000e007f"
)  # the flags of England, Scotland and Wales, spelt in tags
_SEQUENCE = f"{_ELEMENT}(?:{_ZWJ}{_ELEMENT}){{0,{_ELEMENTS_MAX - 1}}}"
_ONE_EMOJI = re.compile("|".join((_KEYCAP, _COUNTRY, _NATION, _SEQUENCE)))
_IS_DRAWN = re.compile(_any_of(_DRAWN_AS_PICTURES))


def check_emoji(value: object) -> str:
    """The emoji in its fully qualified spelling, in which equal emoji are equal strings.

    Raises:
        BadInput: anything but one emoji, alone.
    """
    if (
        not isinstance(value, str)
        or len(value) > EMOJI_MAX_CHARACTERS
        or not (found := _ONE_EMOJI.fullmatch(value))
    ):
        raise BadInput("A reaction is one emoji.", fields={"emoji": "must be one emoji"})
    spelt = found.group().replace(_AS_PICTURE, "")
    if spelt.endswith("\u20e3"):
        return spelt[0] + _AS_PICTURE + spelt[1]
    return _ZWJ.join(_qualified(element) for element in spelt.split(_ZWJ))


def _qualified(element: str) -> str:
    is_text_sign = len(element) == 1 and not _IS_DRAWN.match(element)
    return element + _AS_PICTURE if is_text_sign else element
