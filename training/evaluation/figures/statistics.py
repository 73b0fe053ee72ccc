"""
Compares two rankings by a paired bootstrap over questions, and states the outcome in words.

Pure. Questions of one passage are not independent, so whole clusters are resampled, not questions
(Cameron, Gelbach and Miller, 2008, https://doi.org/10.1162/rest.90.3.414).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

Outcome = Literal["better", "no proof yet", "worse"]

RESAMPLES = 10_000
CONFIDENCE = 0.95
# Probability with which a larger set should show a difference of the observed size.
POWER = 0.8
# If more than so many times the present questions were needed, the difference is not worth proving.
FAR = 50
# Resamples drawn at once, which limits the memory for large sets.
BATCH = 500


@dataclass(frozen=True)
class Interval:
    """A mean, and the range that contains its true value in 95 of 100 repetitions."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """
    The difference of two rankings of the same questions, candidate minus reference.

    `more_questions` is about how many more questions would show a difference of this size with
    probability 0.8. It is 0 if the difference is proved already, and None if it is too small to
    matter.
    """

    mean: float
    low: float
    high: float
    p_value: float
    outcome: Outcome
    more_questions: int | None


def interval(values: Sequence[float], cluster: NDArray[np.int64], *, seed: int = 0) -> Interval:
    """
    The mean of a per-question figure with its 95% interval.

    :param values: Figures between 0 and 1. The interval is cut to this range, which its widening
        for few clusters may exceed.
    :param cluster: Cluster of each question, from `clusters`. *Shape:* ``(q,)``
    """
    array = np.asarray(values, dtype=np.float64)
    low, high, _ = _bounds(array, cluster, seed)
    return Interval(float(array.mean()), max(low, 0.0), min(high, 1.0))


def compare(
    candidate: Sequence[float],
    reference: Sequence[float],
    cluster: NDArray[np.int64],
    *,
    seed: int = 0,
) -> Difference:
    """
    Compare two rankings question by question.

    :param candidate: A figure for each question. Higher is better.
    :param reference: The same figure of the other ranking, in the same order.
    :param cluster: Cluster of each question, from `clusters`. *Shape:* ``(q,)``
    """
    values = np.asarray(candidate, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
    low, high, draws = _bounds(values, cluster, seed)
    mean = float(values.mean())
    outcome: Outcome = "better" if low > 0 else "worse" if high < 0 else "no proof yet"
    beyond = min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    p_value = min(1.0, 2 * (beyond + 1) / (len(draws) + 1))
    more = 0 if outcome != "no proof yet" else _more_questions(mean, draws, len(values))
    return Difference(mean, low, high, p_value, outcome, more)


def words(difference: Difference) -> str:
    """The outcome in words."""
    if difference.outcome != "no proof yet":
        return difference.outcome
    if difference.more_questions is None:
        return "no proof yet: the two are about alike on these questions"
    return f"no proof yet: about {difference.more_questions:,} more questions would settle it"


def _bounds(
    values: NDArray[np.float64], cluster: NDArray[np.int64], seed: int
) -> tuple[float, float, NDArray[np.float64]]:
    """The 95% interval of the mean, with the resampled means behind it."""
    count = int(cluster.max()) + 1
    sums = np.bincount(cluster, weights=values, minlength=count)
    sizes = np.bincount(cluster, minlength=count).astype(np.float64)
    mean = values.mean()
    rng = np.random.default_rng(seed)
    draws = np.concatenate(
        [
            (drawn @ sums) / (drawn @ sizes)
            for drawn in (
                rng.multinomial(count, np.full(count, 1 / count), size=BATCH).astype(np.float64)
                for _ in range(RESAMPLES // BATCH)
            )
        ]
    )
    if count > 1:
        # With few clusters the resampled means vary too little: by sqrt((n-1)/n), and by the ratio
        # of the normal distribution's quantile to Student's t.
        tail = (1 + CONFIDENCE) / 2
        widen = math.sqrt(count / (count - 1)) * stdtrit(count - 1, tail) / ndtri(tail)
        draws = mean + (draws - mean) * widen
    low, high = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high), draws


def _more_questions(mean: float, draws: NDArray[np.float64], count: int) -> int | None:
    spread = float(draws.std())
    if spread == 0 or mean == 0:
        return None
    needed = ndtri((1 + CONFIDENCE) / 2) + ndtri(POWER)
    total = count * (needed * spread / mean) ** 2
    if total > FAR * count:
        return None
    more = max(1.0, total - count)
    digits = 10 ** max(0, math.floor(math.log10(more)) - 1)
    return int(math.ceil(more / digits) * digits)
