"""Whether the text layer of a page says what the page shows. Pure."""

from __future__ import annotations

import re
from unicodedata import normalize

# A share of characters that stand for nothing makes a page unreadable.
MOST_UNKNOWN = 0.1
# Words are judged where there are so many, and this share of them must look like words.
FEWEST_WORDS = 40
LEAST_WORDLIKE = 0.4
# With such a share of vowels among its characters a text consists of words. English has 0.37.
ENOUGH_VOWELS = 0.3

_SIGNS = "\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd\ue000-\uf8ff"
_UNKNOWN = re.compile(f"[{_SIGNS}]|\\(cid:\\d{{1,5}}\\)")
_MAYBE_UNKNOWN = re.compile(f"[{_SIGNS}]")
_LATIN_WORD = re.compile(r"(?<![^\W_])[A-Za-zÀ-ɏ][a-zß-ɏ]{2,}(?![^\W_])")
_VOWELS = set("aeiouyæøœı")


def is_garbled(text: str) -> bool:
    """
    Whether a text layer is not what its page shows: its font does not say which letters it draws.

    Such text consists of characters that stand for nothing, or of words without vowels.
    """
    if "(cid:" not in text and not _MAYBE_UNKNOWN.search(text) and _has_vowels(text):
        return False  # most pages
    bare = "".join(text.split())
    unknown = sum(len(found.group()) for found in _UNKNOWN.finditer(bare))
    if unknown > max(3, MOST_UNKNOWN * len(bare)):
        return True
    words = _LATIN_WORD.findall(text)
    wordlike = sum(not _VOWELS.isdisjoint(normalize("NFD", word.lower())) for word in words)
    return len(words) >= FEWEST_WORDS and wordlike < LEAST_WORDLIKE * len(words)


def _has_vowels(text: str) -> bool:
    """Whether a text has so many vowels that most of its words must have some."""
    coded = text.encode("utf-8", "surrogatepass")  # whose bytes are deleted fast, and so counted
    signs = len(text) - (len(coded) - len(coded.translate(None, b" \r\n")))
    vowels = len(coded) - len(coded.translate(None, b"aeiouAEIOU"))
    # In small letters, this one is an i with a second dot.
    vowels += 0 if text.isascii() else text.count("\u0130")
    return vowels >= ENOUGH_VOWELS * signs
