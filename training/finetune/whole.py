"""
The whole retrieval over a run's passages, in memory, as people will have it: what the vectors and
the words propose, both fused, and the best ordered by phrases and late interaction.

The score is linear in the share of the words, so it is kept as its two sides. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.search.rerank import LATE_SHARE, PHRASE_MORE
from pipelines.text.scoring.fusion import fuse, spread_alike
from pipelines.text.scoring.phrases import PHRASE_SHARE

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

# Passages that either side proposes.
PROPOSED = 50
# The score of a passage that is no candidate. Both sides have it, so no share lifts it.
ABSENT = -100.0


def by_passage(scores: NDArray[Any], passage: Ints) -> tuple[Ints, Floats]:
    """
    The passages there are, and each question's best window of each.

    :param scores: *Shape:* ``(questions, windows)``
    :param passage: The passage of each window. *Shape:* ``(windows,)``
    :returns: *Shape:* ``(p,)``, ``(questions, p)``
    """
    passages, inverse = np.unique(passage, return_inverse=True)
    best = np.full((len(scores), len(passages)), -np.inf)
    np.maximum.at(best.T, inverse, scores.T)
    return passages, best


def candidates(cosines: Floats, words: Floats, share: float, trust: float = 1.0) -> Ints:
    """
    The passages that the vectors or the words of one question propose, best first.

    :param cosines: Of the best window of each passage. *Shape:* ``(p,)``
    :param words: Lexical scores, 0 to 1. *Shape:* ``(p,)``
    :param share: That of the words.
    :param trust: See `fusion.trust`.
    :returns: Places of passages. *Shape:* ``(c,)``
    """
    near = np.argsort(-cosines, kind="stable")[:PROPOSED]
    named = np.argsort(-words, kind="stable")[:PROPOSED]
    places = np.union1d(near, named[words[named] > 0])
    scores = fuse(cosines[places], words[places], share, trust)
    return places[np.argsort(-scores, kind="stable")]


def vectors_side(
    cosines: Floats, late: Floats | None, chosen: NDArray[np.bool_], trust: Sequence[float]
) -> Floats:
    """
    The side of the vectors: cosines and late interaction, both with the spread that weights are for.

    :param cosines: Of each question with each passage's best window. *Shape:* ``(questions, p)``
    :param late: MaxSim, NaN where a passage has none. *Shape:* ``(questions, p)``
    :param chosen: The candidates of each question. *Shape:* ``(questions, p)``
    :param trust: Of each question.
    :returns: *Shape:* ``(questions, p)``
    """
    side = np.full(cosines.shape, ABSENT)
    for row, (there, trusted) in enumerate(zip(chosen, trust, strict=True)):
        near = cosines[row, there]
        side[row, there] = fuse(near, np.zeros_like(near), 0, trusted)
        if late is not None:
            side[row, there] += LATE_SHARE * trusted * spread_alike(late[row, there])
    return side


def words_side(
    lexical: Floats, phrases: Floats, chosen: NDArray[np.bool_], trust: Sequence[float], late: bool
) -> Floats:
    """
    The side of the words: the lexical score and the phrases.

    :param lexical: *Shape:* ``(questions, p)``
    :param phrases: Share of a question's phrases, 0 to 1. *Shape:* ``(questions, p)``
    :param late: Whether the model gives states of tokens. Phrases count more then.
    :returns: *Shape:* ``(questions, p)``
    """
    more = PHRASE_SHARE + (PHRASE_MORE * np.asarray(trust)[:, None] if late else 0.0)
    return np.where(chosen, lexical + more * phrases, ABSENT)


def fused(vectors: Floats, words: Floats, share: float) -> Floats:
    """
    The score of each candidate. *Shape:* ``(questions, p)``

    :param share: That of the words.
    """
    return (1 - share) * vectors + share * words
