"""
How much BM25 counts beside a tuned model: a better embedder deserves more of the score.

Learned from the held-out questions, as the shift between the base model and the tuned one: each
gets the share under which its right passages are likeliest (a conditional logit, McFadden 1974),
and the share that the base is searched with moves by the difference of the two. What is peculiar
to these questions is in both and cancels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, logsumexp

from pipelines.text.fusion import fuse
from training.finetune.prepare import Ints

Floats = NDArray[np.float64]
# Shares and sharpness that are tried.
SHARES = np.linspace(0.05, 0.95, 37)
SHARPNESS = (10.0, 20.0, 40.0, 80.0, 160.0)
# Questions that count as much as the wish to leave the share as it is.
CAUTION = 50
# Neither side is ever left out: exact words and paraphrases are both asked for.
LEAST, MOST = 0.3, 0.8


def lexical_weight(
    before: Floats, after: Floats, lexical: Floats, gold: Sequence[Ints], start: float
) -> float:
    """
    The share of BM25 in the score of a tuned model.

    :param before: Cosines of each question with each passage's best window, by the base model.
        *Shape:* ``(questions, passages)``
    :param after: The same by the tuned one.
    :param lexical: BM25's scores, 0 to 1. *Shape:* ``(questions, passages)``
    :param gold: By question: columns of the passages that answer it.
    :param start: The share that the base is searched with.
    """
    shift = _likeliest(after, lexical, gold) - _likeliest(before, lexical, gold)
    shift *= len(gold) / (len(gold) + CAUTION)
    return round(float(np.clip(expit(logit(start) + shift), LEAST, MOST)), 3)


def _likeliest(cosines: Floats, lexical: Floats, gold: Sequence[Ints]) -> float:
    """The logit of the share under which the right passages are likeliest."""
    near = np.stack([fuse(row, words, 0) for row, words in zip(cosines, lexical, strict=True)])
    right = np.zeros(near.shape, dtype=bool)
    for row, columns in zip(right, gold, strict=True):
        row[columns] = True
    surprise = [
        min(_surprise(sharp * ((1 - share) * near + share * lexical), right) for sharp in SHARPNESS)
        for share in SHARES
    ]
    return float(logit(SHARES[int(np.argmin(surprise))]))


def _surprise(scores: Floats, right: NDArray[np.bool_]) -> float:
    """Minus the mean log share that right passages get."""
    all_of = logsumexp(scores, axis=1)
    return float((all_of - logsumexp(np.where(right, scores, -np.inf), axis=1)).mean())
