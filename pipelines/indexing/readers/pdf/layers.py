"""Whether the text layer of a page says what the page shows. Pure."""

from __future__ import annotations

import re
from unicodedata import normalize

# A share of characters that stand for nothing makes a page unreadable.
MOST_UNKNOWN = 0.1
# Words are judged where there are so many, and this share of them must look like words.
FEWEST_WORDS = 40
LEAST_WORDLIKE = 0.4

_UNKNOWN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff]|\\(cid:\\d{1,5}\\)")
_LATIN_WORD = re.compile(r"(?<![^\W_])[A-Za-zÀ-ɏ][a-zß-ɏ]{2,}(?![^\W_])")
_VOWELS = set("aeiouyæøœı")


def is_garbled(text: str) -> bool:
    """
    Whether a text layer is not what its page shows: its font does not say which letters it draws.

    Such text consists of characters that stand for nothing, or of words without vowels.
    """
    bare = "".join(text.split())
    if not bare:
        return False
    unknown = sum(len(found.group()) for found in _UNKNOWN.finditer(bare))
    if unknown > max(3, MOST_UNKNOWN * len(bare)):
        return True
    words = _LATIN_WORD.findall(text)
    wordlike = sum(not _VOWELS.isdisjoint(normalize("NFD", word.lower())) for word in words)
    return len(words) >= FEWEST_WORDS and wordlike < LEAST_WORDLIKE * len(words)
