"""
Two views of the same candidates made one score. Pure: arrays in, arrays out.

The dense side is a cosine; the lexical side is BM25 as a share of the most that the question
could get. Both are known exactly for every candidate, whichever side brought it in.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

# BM25's usual constants: how soon repeats stop counting, and how much length is held against.
K1 = 1.2
B = 0.75


def idf(chunks: int, holding: int) -> float:
    """Weight of a term that `holding` of `chunks` chunks hold; always above 0."""
    holding = min(holding, chunks)
    return math.log1p((chunks - holding + 0.5) / (holding + 0.5))


def standardised(scores: Scores) -> Scores:
    """The scores with mean 0 and deviation 1; all 0 where they do not differ."""
    spread = scores.std()
    return (scores - scores.mean()) / spread if spread > 1e-9 else np.zeros_like(scores)


def fuse(dense: Scores, lexical: Scores, weight: float) -> Scores:
    """
    One score per candidate.

    :param weight: Share of the lexical side, 0 to 1.
    """
    return (1 - weight) * standardised(dense) + weight * standardised(lexical)
