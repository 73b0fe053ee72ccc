"""Explanations of the terms in reports, each in a sentence of its own. Pure."""

from __future__ import annotations

MEANINGS: dict[str, str] = {
    "hit@1": "Share of the questions whose right passage comes first. 1 is the best.",
    "hit@3": "Share of the questions whose right passage is among the first 3. 1 is the best.",
    "hit@5": "Share of the questions whose right passage is among the first 5. 1 is the best.",
    "hit@10": "Share of the questions whose right passage is among the first 10. 1 is the best.",
    "MRR@10": "How high the right passage stands on average: 1 is always first, 0.5 is always"
    " second, and below the tenth place counts 0.",
    "NDCG@10": "How good the order of the first 10 passages is: 1 means that everything right is at"
    " the top. A lower place costs less than in MRR@10.",
    "p50": "Half of the questions take no longer than this (the median).",
    "p95": "95 of 100 questions take no longer than this.",
    "epoch": "A number that goes up by one at each switch to another version.",
    "interval": "The range that the true value lies in, in 95 of 100 repetitions. If it contains 0,"
    " the difference may be chance.",
    "held-out": "Kept apart: nothing is trained on these questions, so they judge fairly.",
    "validation": "Kept apart during a run: after each epoch they show whether the model still"
    " improves, so that it stops before it overfits.",
    "hybrid": "The search that people get: words and meaning together.",
}


def meaning(term: str) -> str:
    """The explanation of a term, or an empty text if it needs none."""
    return MEANINGS.get(term, "")
