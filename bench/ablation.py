"""
What each part of the search is worth on a question set: `python -m bench.ablation SET`

The whole search is run once. Then its candidates are ordered again without phrases, without late
interaction, and without both, and each order is compared with the whole one. For a tuned version,
name its folder and its share of the words, as `attune train` prints them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from bench.fusion_weights import Candidates, Floats, collect
from bench.scratch import LEXICAL_WEIGHT, scratch
from pipelines.search.rerank import LATE_SHARE, PHRASE_MORE
from pipelines.text.scoring.phrases import PHRASE_SHARE
from training.evaluation.dataset import of_file
from training.evaluation.figures.statistics import compare, words
from training.pairs.clusters import clusters

WHOLE = "the whole search"


def orders(share: float) -> dict[str, Floats]:
    """
    The weights of the score of words and vectors, of phrases, and of late interaction.

    :param share: Of the words in the score.
    :returns: By what is left out. *Shape of each:* ``(3,)``
    """
    phrases, late = share * (PHRASE_SHARE + PHRASE_MORE), (1 - share) * LATE_SHARE
    return {
        WHOLE: np.array([1, phrases, late]),
        "without phrases": np.array([1, 0, late]),
        "without late interaction": np.array([1, share * PHRASE_SHARE, 0]),
        "without both": np.array([1.0, 0, 0]),
    }


def figures(found: list[Candidates], weights: Floats) -> dict[str, list[float]]:
    """MRR@10 and hit@5 of each question, in one order of its candidates."""
    ranks = [question.reciprocal_rank(question.features @ weights) for question in found]
    return {"MRR@10": ranks, "hit@5": [float(rank >= 1 / 5) for rank in ranks]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("set", type=Path, help="question set in the seed's JSON")
    parser.add_argument("--model", default="all-MiniLM-L6-v2", help="folder of a version")
    parser.add_argument("--share", type=float, default=LEXICAL_WEIGHT, help="of the words")
    chosen = parser.parse_args()
    questions = of_file(chosen.set)
    with scratch(chosen.model, chosen.share) as services:
        found = collect(services, questions)
    cluster = clusters([questions.relevant[query] for query in questions.queries])
    of = {name: figures(found, weights) for name, weights in orders(chosen.share).items()}
    print(f"{len(found)} questions, share of the words {chosen.share:.3f}\n")
    print("| | MRR@10 | hit@5 | MRR@10 against the whole |\n|---|---|---|---|")
    for name, by_measure in of.items():
        means = " | ".join(f"{np.mean(values):.3f}" for values in by_measure.values())
        against = compare(by_measure["MRR@10"], of[WHOLE]["MRR@10"], cluster)
        interval = f"{against.mean:+.3f} ({against.low:+.3f} to {against.high:+.3f})"
        shown = "" if name == WHOLE else f"{interval}, {words(against)}"
        print(f"| {name} | {means} | {shown} |")


if __name__ == "__main__":
    main()
