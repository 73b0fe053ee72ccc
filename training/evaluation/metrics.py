"""
Ranking metrics: hit rate, MRR, NDCG, MAP and recall, per question and on average.

Pure. Computed by ir-measures with trec_eval's code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

# Depth of the rankings.
DEPTH = 100
# Our names, as people write them, and those of ir-measures.
MEASURES = {
    "hit@1": "Success@1",
    "hit@3": "Success@3",
    "hit@5": "Success@5",
    "hit@10": "Success@10",
    "mrr@10": "RR@10",
    "ndcg@10": "nDCG@10",
    "map@100": "AP@100",
    "recall@1": "R@1",
    "recall@3": "R@3",
    "recall@5": "R@5",
    "recall@10": "R@10",
    "recall@100": "R@100",
}
# The metrics that verdicts use. The first one decides.
COMPARED = ("mrr@10", "hit@5", "ndcg@10")


@dataclass(frozen=True)
class Ranked:
    """One passage in a ranking."""

    passage: str
    score: float


def rank_of(ranking: Sequence[Ranked], relevant: Collection[str]) -> int | None:
    """The rank of the first relevant passage, counted from 1, or None if none is in the ranking."""
    for place, found in enumerate(ranking, start=1):
        if found.passage in relevant:
            return place
    return None


def per_question(
    rankings: Mapping[str, Sequence[Ranked]], relevant: Mapping[str, Collection[str]]
) -> dict[str, list[float]]:
    """
    Each metric for each question, in the order of `relevant`.

    :param rankings: Passages by question, best first. A missing question has found nothing.
    """
    import ir_measures

    by_measure = {ir_measures.parse_measure(theirs): ours for ours, theirs in MEASURES.items()}
    qrels = {q: dict.fromkeys(passages, 1) for q, passages in relevant.items()}
    # The place is the score: trec_eval would order equal scores by name.
    run = {
        q: {found.passage: float(-place) for place, found in enumerate(rankings.get(q, ()))}
        for q in relevant
    }
    order = {q: i for i, q in enumerate(relevant)}
    values = {name: [0.0] * len(order) for name in MEASURES}
    for metric in ir_measures.iter_calc(list(by_measure), qrels, run):
        values[by_measure[metric.measure]][order[metric.query_id]] = float(metric.value)
    return values


def averages(values: Mapping[str, Sequence[float]], keep: Sequence[bool]) -> dict[str, float]:
    """The mean of each metric over the questions to keep, or nothing if none is kept."""
    chosen = np.asarray(keep, dtype=bool)
    if not chosen.any():
        return {}
    return {name: float(np.asarray(column)[chosen].mean()) for name, column in values.items()}


def fingerprint(question: str) -> str:
    """A digest that ignores case, spaces and punctuation of a question."""
    words = "".join(c if c.isalnum() else " " for c in question.casefold()).split()
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]
