"""Small comparisons of words and texts. Pure."""

from __future__ import annotations

import re

from pipelines.text.stop_words import is_stop_word
from pipelines.text.terms import terms

SHORTEST_STEM = 4
# Labels are compared by longer ones.
LONGEST_STEM = 6

# A number with letters before it, like CVE-2024-90412, tells no time and no amount.
_SERIAL = re.compile(r"\b[A-Z]{2,}-\d[\d-]*")


def has(words: frozenset[str], term: str) -> bool:
    """Whether some words have a term, or one with the same stem: *analyse* and *analyst*."""
    return term in words or any(
        len(word) >= LONGEST_STEM and alike(word, term) and abs(len(word) - len(term)) <= 2
        for word in words
    )


def alike(left: str, right: str) -> bool:
    """Whether two words are the same, or one begins with the other: *dial* and *dialling*."""
    short, long = sorted((left, right), key=len)
    return left == right or (len(short) >= SHORTEST_STEM and long.startswith(short))


def unmarked(text: str) -> str:
    """An item without its number."""
    return re.sub(r"^\(?\d{1,3}[.)]\s+", "", text)


def without(text: str, codes: tuple[str, ...]) -> str:
    """A text without the codes of a question, and without serial numbers."""
    for code in codes:
        text = text.replace(code, "")
    return _SERIAL.sub("", text)


def defines(question: str, text: str) -> bool:
    """Whether a text says what something is that a question names."""
    match = re.match(
        r"\W*(?:(?:An?|The|We define|Eine?|Der|Die|Das)\s+)?(.{2,60}?)\W*\s*(?:\([^)]*\)\s*)?"
        r"(?:is|are|means?|refers? to|is defined|as|ist|sind|bedeutet|bezeichnet|:)\s", text)  # fmt: skip
    if match is None:
        return False
    subject = {t for t in terms(match[1], "en") if not is_stop_word(t)}
    asked = set(terms(question, "en"))
    return bool(subject) and len(subject & asked) >= 0.5 * len(subject)
