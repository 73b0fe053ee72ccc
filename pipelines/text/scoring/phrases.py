"""
How much of a question's phrases a passage holds: words that are neighbours in both.

BM25 does not see the order of words, and closeness sees it only within a clause. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipelines.text.terms import plain_terms

# What a passage that holds every phrase gains, as a share of the words' side of the score. Chosen
# on the train questions of finance_10k (MRR@10 +.005) and covid_qa (+.011).
PHRASE_SHARE = 0.2
# Bounds on a question and on a passage. Questions are shorter, and nearly all passages.
MOST_TERMS = 64
MOST_CHARS = 8_000


def shares(
    question: str,
    passages: Sequence[tuple[str, str | None]],
    weights: Mapping[str, float],
    unknown: float,
) -> NDArray[np.float64]:
    """
    Measure how many of a question's pairs of neighbouring stems are neighbours in each passage.

    :param passages: Text and language (ISO 639-1) of each. Both sides are stemmed by it.
    :param weights: idf of each stem. A pair weighs as much as both of its stems.
    :param unknown: Weight of a stem that no passage of the index holds.
    :returns: Weighted share of the pairs, 0 to 1. *Shape:* ``(passages,)``
    """
    found = np.zeros(len(passages))
    asked: dict[str | None, dict[tuple[str, str], float]] = {}
    for number, (text, language) in enumerate(passages):
        if language not in asked:
            asked[language] = _pairs(question, language, weights, unknown)
        pairs = asked[language]
        total = sum(pairs.values())
        if total:
            held = pairs.keys() & set(pairwise(plain_terms(text[:MOST_CHARS], language)))
            found[number] = sum(pairs[pair] for pair in held) / total
    return found


def _pairs(
    question: str, language: str | None, weights: Mapping[str, float], unknown: float
) -> dict[tuple[str, str], float]:
    """The pairs of neighbours of a question and their weights. The middle of a long one is left out."""
    stems = plain_terms(question, language)
    if len(stems) > MOST_TERMS:
        parts = [stems[: MOST_TERMS // 2], stems[-(MOST_TERMS // 2) :]]
    else:
        parts = [stems]
    return {
        (a, b): weights.get(a, unknown) + weights.get(b, unknown)
        for part in parts
        for a, b in pairwise(part)
    }
