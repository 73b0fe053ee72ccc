"""What is made of a passage, and the words of a text. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Parts of sentences. A model learns from them, but nobody asks so, and they prove nothing.
FRAGMENTS = frozenset(["phrase", "sentence"])

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True)
class Made:
    """A question and the kind of form that it was made by."""

    question: str
    kind: str


def words_of(text: str) -> list[str]:
    """The words of a text, without punctuation."""
    return _WORD.findall(text)


def is_prose(sentence: str) -> bool:
    """Whether a sentence is prose, and not a table row, a running head or a list of numbers."""
    letters = sum(char.isalpha() for char in sentence)
    return letters > 0.5 * len(sentence) and "|" not in sentence
