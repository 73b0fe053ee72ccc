"""Words that every English text has: a question of such words alone cannot be searched. Pure."""

from __future__ import annotations

import re

_STOP_WORDS = frozenset(
    [
        "a",
        "about",
        "all",
        "also",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "being",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "for",
        "from",
        "had",
        "has",
        "have",
        "having",
        "he",
        "her",
        "here",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "just",
        "me",
        "more",
        "my",
        "no",
        "not",
        "of",
        "on",
        "or",
        "our",
        "out",
        "please",
        "she",
        "should",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "too",
        "up",
        "us",
        "very",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)


def is_stop_word(word: str) -> bool:
    """Whether every English text has this word, in small letters."""
    return word in _STOP_WORDS


def stop_words() -> frozenset[str]:
    """Words that every English text has."""
    return _STOP_WORDS


def says_something(question: str) -> bool:
    """Whether a question has a word to search by. *IT* is one, *it* is not."""
    shouted = question.isupper()
    return any(
        word.lower() not in _STOP_WORDS or (len(word) > 1 and word.isupper() and not shouted)
        for word in re.findall(r"[^\W_]+", question)
    )
