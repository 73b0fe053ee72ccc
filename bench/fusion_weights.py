"""
Learns how much phrases and late interaction count: `python -m bench.fusion_weights TRAIN_SET...`

Each set is a question set in the seed's JSON, searched untuned by the app's own windows, tables and
search. A softmax regression over the candidates of each question gives the weights of the score
that words and vectors make, of phrases, and of late interaction. Cross-fitting says what they are
worth: each question is ordered by weights that were learned from others, which share no passage
with it. Never run it on a validation set.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from app.services import Services
from bench.scratch import LEXICAL_WEIGHT, scratch
from pipelines.search.hybrid import search
from pipelines.search.rerank import LATE_SHARE, PHRASE_MORE
from pipelines.text.scoring.phrases import PHRASE_SHARE
from training.evaluation.corpus import load_dataset
from training.evaluation.dataset import Dataset, of_file
from training.pairs.clusters import clusters

Floats = NDArray[np.float64]
FOLDS = 5
# Strength of the wish for small weights (L2), in units of each feature's deviation.
L2 = 1.0
DEPTH = 10


@dataclass(frozen=True, eq=False)
class Candidates:
    """
    The candidates of one question.

    `features` are the score of words and vectors, phrases, and late interaction. *Shape:* ``(n, 3)``
    `right` are those that answer the question. *Shape:* ``(n,)``
    """

    features: Floats
    right: NDArray[np.bool_]

    def reciprocal_rank(self, scores: Floats) -> float:
        """Of the first right one among the first `DEPTH`, else 0."""
        order = np.argsort(-scores, kind="stable")[:DEPTH]
        places = np.flatnonzero(self.right[order])
        return 1 / (1 + int(places[0])) if len(places) else 0.0


def collect(services: Services, questions: Dataset) -> list[Candidates]:
    """The candidates of each question of a set, in an empty database."""
    handle = services.replica.current()
    if not handle.late:
        raise SystemExit("This version does not compare tokens.")
    with services.pool.connection() as conn:
        names = load_dataset(conn, handle, questions)
    texts = list(questions.queries.values())
    found = []
    with services.pool.connection() as conn:
        for query, text, (vector, tokens) in zip(
            questions.queries, texts, handle.read_all(texts), strict=True
        ):
            best = search(conn, handle, text, vector, DEPTH, tokens=tokens, within_s=None).reranked
            assert best is not None
            right = [names[chunk] in questions.relevant[query] for chunk in best.ids]
            # What the model does not read gets no late interaction.
            late = np.zeros(len(right)) if best.late is None else best.late
            features = np.stack([best.before, best.phrase, late], axis=1)
            found.append(Candidates(features, np.array(right)))
    return found


def learn(questions: Sequence[Candidates]) -> Floats:
    """
    The weights under which the right candidates are likeliest. Questions without one are left out.

    :returns: *Shape:* ``(f,)``
    """
    kept = [question for question in questions if question.right.any()]
    most = max(len(question.right) for question in kept)
    features = np.zeros((len(kept), most, kept[0].features.shape[1]))
    there = np.full((len(kept), most), -np.inf)
    right = there.copy()
    for row, question in enumerate(kept):
        count = len(question.right)
        features[row, :count] = question.features
        there[row, :count] = 0.0
        right[row, :count] = np.where(question.right, 0.0, -np.inf)
    deviation = features[np.isfinite(there)].std(axis=0) + 1e-9
    features /= deviation

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = features @ weights
        every, good = logsumexp(logits + there, axis=1), logsumexp(logits + right, axis=1)
        excess = np.exp(logits + there - every[:, None]) - np.exp(logits + right - good[:, None])
        gradient = np.einsum("qk,qkf->f", excess, features) + L2 * weights
        return float((every - good).sum() + L2 / 2 * (weights @ weights)), gradient

    best = minimize(loss, np.zeros(features.shape[2]), jac=True, method="L-BFGS-B").x
    return np.asarray(best / deviation)


def cross_fitted(questions: Sequence[Candidates], groups: Sequence[int]) -> list[float]:
    """
    The reciprocal rank of each question by weights that were learned from other groups.

    :param groups: The group of each question.
    """
    fold = np.random.default_rng(0).permutation(max(groups) + 1)[np.array(groups)] % FOLDS
    ranks = [0.0] * len(questions)
    for number in range(FOLDS):
        others = [question for question, f in zip(questions, fold, strict=True) if f != number]
        weights = learn(others)
        for place in np.flatnonzero(fold == number):
            question = questions[place]
            ranks[place] = question.reciprocal_rank(question.features @ weights)
    return ranks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="+", help="train sets in the seed's JSON")
    every: list[Candidates] = []
    groups: list[int] = []
    of_set: list[str] = []
    for path in parser.parse_args().sets:
        questions = of_file(path)
        with scratch() as services:
            every += collect(services, questions)
        gold = [questions.relevant[query] for query in questions.queries]
        start = max(groups, default=-1) + 1
        groups += [start + int(group) for group in clusters(gold)]
        of_set += [str(path)] * len(questions.queries)
    words, vectors = LEXICAL_WEIGHT, 1 - LEXICAL_WEIGHT
    plain = np.array([1, words * PHRASE_SHARE, 0])
    shipped = np.array([1, words * (PHRASE_SHARE + PHRASE_MORE), vectors * LATE_SHARE])
    orders = {
        "words and vectors": [q.reciprocal_rank(q.features[:, 0]) for q in every],
        "with phrases": [q.reciprocal_rank(q.features @ plain) for q in every],
        "with late interaction": [q.reciprocal_rank(q.features @ shipped) for q in every],
        "cross-fitted": cross_fitted(every, groups),
    }
    for name in dict.fromkeys(of_set):
        for label, ranks in orders.items():
            of_this = [rank for rank, path in zip(ranks, of_set, strict=True) if path == name]
            print(f"{name}: MRR@{DEPTH} {np.mean(of_this):.4f} {label}")
    score, phrase, late = learn(every)
    print(f"learned: PHRASE_MORE {phrase / score / words - PHRASE_SHARE:.2f}")
    print(f"learned: LATE_SHARE {late / score / vectors:.2f}")


if __name__ == "__main__":
    main()
