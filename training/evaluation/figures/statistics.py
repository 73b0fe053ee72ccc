"""
Is one ranking better than another? A paired bootstrap over questions, and its answer in words.

Pure. Questions of one passage are not independent: whole clusters are drawn, not questions
(Cameron, Gelbach and Miller, 2008, https://doi.org/10.1162/rest.90.3.414).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Outcome = Literal["better", "no proof yet", "worse"]

RESAMPLES = 10_000
CONFIDENCE = 0.95
# How sure a larger set should be to show a difference of the size seen.
POWER = 0.8
# Beyond so many times the questions at hand, a difference is not worth the search for it.
FAR = 50
# Resamples drawn at once: bounds the memory at large sets.
BATCH = 500


@dataclass(frozen=True)
class Interval:
    """A mean and the range that covers its true value in 95 of 100 repetitions."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """
    What separates two rankings of the same questions: candidate minus reference.

    `more_questions`: about how many further ones would show a difference of this size with
    probability 0.8; 0 when it shows already, None when it is too small to be worth it.
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

    :param values: Figures between 0 and 1; so is the interval, whose stretching for few clusters
        may lead beyond.
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
    The difference of two rankings, question by question.

    :param candidate: A figure for each question, higher is better.
    :param reference: The same figure of the other ranking, in the same order.
    :param cluster: From `clusters`.
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
    """The outcome as a person reads it."""
    if difference.outcome != "no proof yet":
        return difference.outcome
    if difference.more_questions is None:
        return "no proof yet: the two are about alike on these questions"
    return f"no proof yet: about {difference.more_questions:,} more questions would settle it"


def _bounds(
    values: NDArray[np.float64], cluster: NDArray[np.int64], seed: int
) -> tuple[float, float, NDArray[np.float64]]:
    """The 95% interval of the mean, and the resampled means it comes from."""
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
        # Resampled means spread too little with few clusters: by sqrt((n-1)/n), and by what
        # Student's t has over the normal distribution.
        tail = (1 + CONFIDENCE) / 2
        widen = math.sqrt(count / (count - 1)) * stats.t.ppf(tail, count - 1) / stats.norm.ppf(tail)
        draws = mean + (draws - mean) * widen
    low, high = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high), draws


def _more_questions(mean: float, draws: NDArray[np.float64], count: int) -> int | None:
    spread = float(draws.std())
    if spread == 0 or mean == 0:
        return None
    needed = stats.norm.ppf((1 + CONFIDENCE) / 2) + stats.norm.ppf(POWER)
    total = count * (needed * spread / mean) ** 2
    if total > FAR * count:
        return None
    more = max(1.0, total - count)
    digits = 10 ** max(0, math.floor(math.log10(more)) - 1)
    return int(math.ceil(more / digits) * digits)
