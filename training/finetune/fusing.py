"""
How much the words count in the score of a tuned model: a better embedder deserves more of it.

Learned from the held-out questions, as the shift between the base model and the tuned one: each
gets the share under which its right passages are likeliest (a conditional logit, McFadden 1974),
and the share that the base is searched with moves by the difference of the two. What is peculiar
to these questions is in both and cancels.

The share never moves to one that is worse for the tuned model on the questions it was learned
from: it goes only as far as its right passages stay as likely and rank as high.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, logsumexp

from training.finetune.whole import Floats, Ints, fused

Right = NDArray[np.bool_]
# Shares and sharpness that are tried.
SHARES = np.linspace(0.05, 0.95, 37)
SHARPNESS = (10.0, 20.0, 40.0, 80.0, 160.0)
# Questions that count as much as the wish to leave the share as it is.
CAUTION = 50
# Neither side is ever left out: exact words and paraphrases are both asked for.
LEAST, MOST = 0.3, 0.8
# The way back from a share that is worse is tried in so many steps.
STEPS_BACK = 8


def lexical_weight(
    before: Floats, after: Floats, words: Floats, gold: Sequence[Ints], start: float
) -> float:
    """
    Learn the share of the words in the score of a tuned model.

    :param before: The vectors' side of the score by the base model (`whole.vectors_side`).
        *Shape:* ``(questions, passages)``
    :param after: The same by the tuned one.
    :param words: The words' side (`whole.words_side`). *Shape:* ``(questions, passages)``
    :param gold: By question: columns of the passages that answer it.
    :param start: The share that the base is searched with.
    """
    right = _right(after.shape, gold)
    shift = _likeliest(after, words, right) - _likeliest(before, words, right)
    shift *= len(gold) / (len(gold) + CAUTION)
    # A share that a person chose beyond the bounds is not moved by the bounds themselves.
    goal = float(np.clip(expit(logit(start) + shift), min(LEAST, start), max(MOST, start)))
    return _no_worse(after, words, right, start, round(goal, 3))


def _no_worse(near: Floats, words: Floats, right: Right, start: float, goal: float) -> float:
    """The share nearest to `goal`, on the way back to `start`, that is no worse than `start`."""
    usual = _worth(near, words, right, start)
    for share in np.linspace(goal, start, STEPS_BACK, endpoint=False):
        surprise, rank = _worth(near, words, right, float(share))
        if surprise <= usual[0] and rank >= usual[1]:
            return round(float(share), 3)
    return start


def _worth(near: Floats, words: Floats, right: Right, share: float) -> tuple[float, float]:
    """How surprising the right passages are under a share, and their mean reciprocal rank."""
    scores = fused(near, words, share)
    best = np.where(right, scores, -np.inf).max(axis=1)
    ranks = 1 + (np.where(right, -np.inf, scores) >= best[:, None]).sum(axis=1)
    return _least_surprise(scores, right), float((1 / ranks).mean())


def _right(shape: tuple[int, ...], gold: Sequence[Ints]) -> Right:
    right = np.zeros(shape, dtype=bool)
    for row, columns in zip(right, gold, strict=True):
        row[columns] = True
    return right


def _likeliest(near: Floats, words: Floats, right: Right) -> float:
    """The logit of the share under which the right passages are likeliest."""
    surprise = [_least_surprise(fused(near, words, share), right) for share in SHARES]
    return float(logit(SHARES[int(np.argmin(surprise))]))


def _least_surprise(scores: Floats, right: Right) -> float:
    """Minus the mean log share that right passages get, at the sharpness that suits them best."""
    return min(_surprise(sharp * scores, right) for sharp in SHARPNESS)


def _surprise(scores: Floats, right: Right) -> float:
    """Minus the mean log share that right passages get."""
    all_of = logsumexp(scores, axis=1)
    return float((all_of - logsumexp(np.where(right, scores, -np.inf), axis=1)).mean())
