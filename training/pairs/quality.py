"""
Checks whether a question is fit to train or evaluate on. Pure.

A generator that sees one passage may write questions that only make sense next to it. No retriever
can find their passage, and nobody would ask them about a whole collection.
"""

from __future__ import annotations

import hashlib
import re

from pipelines.text import clean

FEWEST_CHARS = 8
MOST_CHARS = 400
# Length from which the language of a question can be identified.
LANGUAGE_CHARS = 40
# If the base model ranks the passage lower, the question is about something else or fits too many
# passages.
PLACED = 50

_LEANS = re.compile(
    r"""
    \bcontext\s+information\b | \b(?:given|provided|above)\s+context\b | \b(?:the|this)\s+excerpt\b
    | \b(?:the|this|that|above|given|provided)\s+(?:\w+\s+)?(?:passage|text|document|excerpt)\b(?!\s+of\b)
    | \b(?:this|the\s+(?:above|given|provided|following))\s+(?:section|paragraph|table|page|information)\b
    | \b(?:mentioned|described|discussed|stated|listed|outlined)\s+(?:above|below|here)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)

DUPLICATE = "asked already"
LEANS = "leans on its passage"
SHORT = "too short"
LONG = "too long"
LANGUAGE = "another language than its passage"
GENERIC = "too general: the base model does not place its passage"


def leans_on_context(question: str) -> bool:
    """Whether a question refers to its passage ("the context information", "this section")."""
    return _LEANS.search(question) is not None


def fault(question: str, language: str | None) -> str | None:
    """
    The reason in a few words why a question is not fit, or None.

    :param language: The passage's language (ISO 639-1), or None if unknown.
    """
    if len(question) < FEWEST_CHARS:
        # Four characters of Chinese or Japanese can be a question.
        wide = sum(
            "\u3040" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3" for char in question
        )
        if wide < FEWEST_CHARS // 2:
            return SHORT
    if len(question) > MOST_CHARS:
        return LONG
    if leans_on_context(question):
        return LEANS
    if language is not None and len(question) >= LANGUAGE_CHARS:
        spoken = clean.language(question)
        if spoken is not None and spoken != language:
            return LANGUAGE
    return None


def digest(question: str) -> str:
    """The sha256 of a question regardless of case, white space and final punctuation."""
    bare = " ".join(question.casefold().split()).rstrip(" ?.!？。")
    return hashlib.sha256(bare.encode()).hexdigest()
