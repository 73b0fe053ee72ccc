"""
Letters that people write in more than one way: Arabic and Persian forms, traditional Chinese. Pure.

Each is replaced by exactly one other, so that no place in a text moves.
"""

from __future__ import annotations

import re
from functools import cache

# Persian keyboards write these two letters by code points of their own.
_PERSIAN = str.maketrans({"\u06a9": "\u0643", "\u06cc": "\u064a", "\u0671": "\u0627"})
# What many writers put for one another at the end of a word. The stemmer must see them first.
_ENDINGS = str.maketrans(
    {"\u0649": "\u064a", "\u0629": "\u0647", "\u06c0": "\u0647", "\u06c1": "\u0647"}
)
_ARABIC = re.compile("[\u0600-\u06ff]")
_HAN = re.compile("[\u4e00-\u9fff]")
_FIRST_HAN, _LAST_HAN = 0x4E00, 0x9FFF


def folded(text: str, language: str | None = None) -> str:
    """
    The text in one of its ways of writing, as long as before.

    :param language: ISO 639-1. Japanese keeps its characters: there they are different words.
    """
    if _ARABIC.search(text):
        text = text.translate(_PERSIAN)
    if language != "ja" and _HAN.search(text):
        text = text.translate(_simplified())
    return text


def folded_stem(stem: str) -> str:
    """A stem with one way of writing its end."""
    return stem.translate(_ENDINGS) if _ARABIC.search(stem) else stem


@cache
def _simplified() -> dict[int, str]:
    """Traditional characters with their simplified ones. Made once, in some milliseconds."""
    from opencc import OpenCC

    convert = OpenCC("t2s").convert
    every = [chr(code) for code in range(_FIRST_HAN, _LAST_HAN + 1)]
    pairs = zip(every, convert("\n".join(every)).split("\n"), strict=True)
    return {ord(old): new for old, new in pairs if old != new and len(new) == 1}
