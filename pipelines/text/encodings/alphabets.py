"""
Which one-byte encoding a text of Latin letters is in, told by the alphabets of languages. Pure.

In the wrong encoding a word has letters that no one language has together, or signs inside of it.
"""

from __future__ import annotations

import re
from collections import Counter

# Encodings of languages with their letters beyond ASCII. What comes first is taken in doubt.
_WESTERN = (
    "äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúü", "àéèìíîòóùú", "ãáàâçéêíóôõú", "äåöé", "æåøéôóàè",
    "àçéèíïóòúü", "áéíóú", "ëéèïöüáóíú", "äöåšž", "ëç",
)  # fmt: skip
_CENTRAL = (
    "áčďéěíňóřšťúůýž", "ąćęłńóśźż", "áéíóöőúüű", "áäčďéíĺľňóôŕšťúýž", "čćđšž", "ăâîşţșț", "äöüß",
)  # fmt: skip
_TURKISH = ("çğıöşüâîû",)
_ICELANDIC = ("áéíóúýþæðö",)
_BALTIC = ("ąčęėįšųūž", "āčēģīķļņšūž", "äöüõšž")
_CANDIDATES = (
    ("cp1252", _WESTERN),
    ("cp1250", _CENTRAL),
    ("iso8859_2", _CENTRAL),
    ("cp1254", _TURKISH),
    ("cp1252", _ICELANDIC),
    ("cp1257", _BALTIC),
    ("cp850", _WESTERN),
    ("cp852", _CENTRAL),
    ("mac_roman", _WESTERN),
)
# Signs that texts have beside words, and those that stand inside of words, too.
_SIGNS = frozenset("\u00a0–—„“”‚‘’…€£¥¢§°²³¹ªºµ·•«»‹›©®™×±½¼¾÷¡¿†‡‰´¨¶¬\u00ad")
_INSIDE = frozenset("’´·-\u00ad")
# A text is in an encoding if at most this share of its letters beyond ASCII fits no language.
MOST_MISSES = 0.02
# Fewer letters beyond ASCII, or a larger share of them, tell too little.
LEAST_LETTERS = 2
MOST_SHARE = 0.4

_CYRILLIC = ("cp1251", "koi8_u", "cp866", "iso8859_5", "mac_cyrillic")
_FREQUENT = frozenset("оеаинті")
# Shares of the signs beyond ASCII that are letters, and of these that are small and frequent ones.
LETTERS, SMALL, LEAST_FREQUENT = 0.95, 0.75, 0.36
LEAST_CYRILLIC = 12

_BEYOND = re.compile(r"(?:^|(?<=(.)))([^\x00-\x7f])(?=(.?))", re.DOTALL)


def latin_encoding(data: bytes) -> str | None:
    """
    The encoding of a text in which all letters beyond ASCII belong to one language.

    :returns: None if no encoding fits, or too few letters tell.
    """
    beyond = sum(byte > 127 for byte in data)
    if beyond < LEAST_LETTERS or beyond > MOST_SHARE * len(data):
        return None
    best: tuple[float, str] | None = None
    for encoding, alphabets in _CANDIDATES:
        misses = _misses(data.decode(encoding, "replace"), alphabets)
        if best is None or misses < best[0]:
            best = misses, encoding
    assert best is not None
    return best[1] if best[0] <= MOST_MISSES * beyond else None


def cyrillic_encoding(data: bytes) -> str | None:
    """
    The encoding in which a text is words of a Slavic language in Cyrillic letters.

    Their encodings put the same letters in other places: only in the right one most letters are
    small ones, and the frequent ones are frequent.

    :returns: None if no encoding fits, or too few letters tell.
    """
    best: tuple[float, float, str] | None = None
    for encoding in _CYRILLIC:
        beyond = [sign for sign in data.decode(encoding, "replace") if sign > "\x7f"]
        letters = [sign for sign in beyond if "\u0400" <= sign <= "\u04ff"]
        small = sum(map(str.islower, letters))
        frequent = sum(map(_FREQUENT.__contains__, letters)) / max(1, len(letters))
        is_text = len(letters) >= max(LEAST_CYRILLIC, LETTERS * len(beyond))
        if is_text and small >= SMALL * len(letters) and frequent >= LEAST_FREQUENT:
            fit = len(letters) / len(beyond), frequent, encoding
            best = max(best or fit, fit)
    return best[2] if best is not None else None


def _misses(text: str, alphabets: tuple[str, ...]) -> int:
    """How many signs beyond ASCII the language that fits best does not have."""
    letters: Counter[str] = Counter()
    odd = 0
    for before, sign, after in _BEYOND.findall(text):
        if sign.isalpha():
            letters[sign.lower()[0]] += 1  # a Turkish capital i becomes two
            odd += sign.isupper() and before.islower()
        elif sign not in _SIGNS or (before.isalpha() and after.isalpha() and sign not in _INSIDE):
            odd += 1
    letters.pop("i", None)
    known = (sum(letters[letter] for letter in set(alphabet)) for alphabet in alphabets)
    return odd + letters.total() - max(known)
