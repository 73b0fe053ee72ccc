"""Fusion of the cosine and the lexical score of candidates into one score. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

# Standard deviation of the cosines of a question's candidates that the weight is tuned for. Models
# differ in it (0.1 for MiniLM, half of that for others), so cosines are scaled to it.
SPREAD = 0.1
# Below this deviation cosines mean little: the model does not know the language, or all candidates
# are alike. They are scaled up no further, so that the words decide.
LEAST_SPREAD = 0.05
# The least deviation of late interaction's scores, as `LEAST_SPREAD` is that of cosines.
LEAST_LATE_SPREAD = 0.02

# Tokens per letter: the most of a vocabulary made for the language, and the number of one that knows
# little more of it than single letters.
READ, UNREAD = 0.5, 0.8
# The same for Chinese, Japanese and Korean, whose letters are syllables or words.
READ_WIDE, UNREAD_WIDE = 0.75, 0.95
# A vocabulary with a token for each of their characters reads them too, if it knows them all.
ONE_EACH = 1.15
FEWEST_LETTERS, FEWEST_WIDE = 8, 4


@dataclass(frozen=True)
class Reading:
    """How a tokenizer cuts a text: the number of tokens, and how many it has no word for."""

    tokens: int
    unknown: int


def trust(text: str, reading: Reading | None) -> float:
    """
    The weight of an encoder's cosines for a question, from 0 to 1, by how its tokenizer cuts the
    text.

    Very short questions get 1.

    :param reading: None if the model's own tokenizer is not at hand, as with a provider's model.
        It is trusted then.
    """
    letters = [char for char in text if char.isalpha()]
    wide = sum("\u3040" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7a3" for char in letters)
    is_wide = wide > len(letters) / 2
    if reading is None or len(letters) < (FEWEST_WIDE if is_wide else FEWEST_LETTERS):
        return 1.0
    each = reading.tokens / len(letters)
    if is_wide and not reading.unknown and each <= ONE_EACH:
        return 1.0
    read, unread = (READ_WIDE, UNREAD_WIDE) if is_wide else (READ, UNREAD)
    return min(1.0, max(0.0, (unread - each) / (unread - read)))


def fuse(cosines: Scores, lexical: Scores, weight: float, trust: float = 1.0) -> Scores:
    """
    Fuse cosines and lexical scores into one score per candidate.

    Unlike ranks and z-scores it preserves how certain each side is, e.g. when BM25 has one clear
    match or none. Chosen on the train questions of finance_10k and covid_qa.

    :param cosines: Exact for every candidate, whichever side retrieved it. *Shape:* ``(n,)``
    :param lexical: 0 to 1, also exact for every candidate. *Shape:* ``(n,)``
    :param weight: Share of the lexical side, 0 to 1.
    :param trust: Factor on the cosines, below 1 if the encoder hardly knows the question's
        language.
    :returns: *Shape:* ``(n,)``
    """
    scale = trust * SPREAD / max(float(cosines.std()), LEAST_SPREAD)
    return (1 - weight) * scale * cosines + weight * lexical


def spread_alike(scores: Scores) -> Scores:
    """
    Scores of late interaction about 0 with the deviation `SPREAD`, or less where they hardly differ.

    :param scores: NaN for a candidate without codes, which gets 0 as has the mean. *Shape:* ``(n,)``
    :returns: *Shape:* ``(n,)``
    """
    known = scores[np.isfinite(scores)]
    if not len(known):
        return np.zeros(len(scores))
    scale = SPREAD / max(float(known.std()), LEAST_LATE_SPREAD)
    return np.asarray(np.nan_to_num(scale * (scores - known.mean()), nan=0.0))


def reordered(scores: Scores, first: NDArray[np.intp], new: Scores) -> Scores:
    """
    Replace the scores of the first candidates, and keep the others below them.

    :param scores: *Shape:* ``(n,)``
    :param first: Places of those that score highest. *Shape:* ``(f,)``
    :param new: Their new scores. *Shape:* ``(f,)``
    :returns: *Shape:* ``(n,)``
    """
    if not len(first):
        return scores
    moved = scores + min(0.0, float(new.min() - scores[first].min()))
    moved[first] = new
    return moved
