"""
What makes a question fit to train or judge on. Pure.

A generator that sees one passage writes questions which only make sense with that passage at
hand; no retriever can place them, and nobody would ask them of a whole collection.
"""

from __future__ import annotations

import hashlib
import re

from pipelines.text import clean

FEWEST_CHARS = 8
MOST_CHARS = 400
# Of letters, before the language of a question is worth an opinion.
LANGUAGE_CHARS = 40
# A passage that the base model does not place among so many is not what the question is about, or
# one of too many that are.
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
    """Whether a question points at its passage ("the context information", "this section")."""
    return _LEANS.search(question) is not None


def fault(question: str, language: str | None) -> str | None:
    """
    Why a question is not fit, in a few words; None where nothing speaks against it.

    :param language: Of the passage, ISO 639-1; None: not told.
    """
    if len(question) < FEWEST_CHARS:
        # Four characters of Chinese or Japanese can ask something.
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
    """Names a question, whatever its case, white space and final mark."""
    bare = " ".join(question.casefold().split()).rstrip(" ?.!？。")
    return hashlib.sha256(bare.encode()).hexdigest()
