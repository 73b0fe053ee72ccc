"""
What makes a question fit to train or judge on. Pure.

A generator that sees one passage writes questions which only make sense with that passage at
hand; no retriever can place them, and nobody would ask them of a whole collection.
"""

from __future__ import annotations

import re

_LEANS = re.compile(
    r"""
    \bcontext\s+information\b | \b(?:given|provided|above)\s+context\b | \b(?:the|this)\s+excerpt\b
    | \b(?:the|this|that|above|given|provided)\s+(?:\w+\s+)?(?:passage|text|document|excerpt)\b(?!\s+of\b)
    | \b(?:this|the\s+(?:above|given|provided|following))\s+(?:section|paragraph|table|page|information)\b
    | \b(?:mentioned|described|discussed|stated|listed|outlined)\s+(?:above|below|here)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


def leans_on_context(question: str) -> bool:
    """Whether a question points at its passage ("the context information", "this section")."""
    return _LEANS.search(question) is not None
