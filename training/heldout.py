"""How well a model under training ranks the passages of held-out questions, cheaply."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator

from pipelines.encoder import Vectors
from training.prepare import Ints, Prepared

DEPTH = 10
NDCG = f"heldout_ndcg@{DEPTH}"
HIT = "heldout_hit@5"
# Stands before the names of the base model's figures.
BASE = "base_"
# Windows that one evaluation embeds: those of the right passages, and the nearest others.
MOST_WINDOWS = 400


class HeldOutEvaluator(SentenceEvaluator):  # type: ignore[misc]
    """
    NDCG@10 of passages, each by its best window, over the held-out questions.

    Only the windows that the base model ranks nearest stand beside the right ones, so the figure
    is higher than over the whole corpus; it compares checkpoints of one run and nothing else.
    """

    def __init__(self, prepared: Prepared, *, frozen_documents: bool = False) -> None:
        """:param frozen_documents: Windows keep the base model's vectors; only questions are embedded."""
        super().__init__()
        self.primary_metric = NDCG
        self.greater_is_better = True
        held = prepared.heldout
        self._questions = [prepared.questions[q] for q in held]
        self._gold = [prepared.gold[q] for q in held]
        windows = prepared.windows
        chosen = nearest_windows(
            windows.vectors, windows.questions[held], windows.passage, self._gold
        )
        self._texts = [windows.texts[w] for w in chosen]
        self._passage = windows.passage[chosen]
        self._frozen = windows.vectors[chosen] if frozen_documents else None

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: float = -1, steps: int = -1
    ) -> dict[str, float]:
        options = {"show_progress_bar": False, "normalize_embeddings": True}
        documents = self._frozen
        if documents is None:
            documents = model.encode_document(self._texts, **options)
        questions = model.encode_query(self._questions, **options)
        return figures(np.asarray(questions @ documents.T), self._passage, self._gold)


def of_base(prepared: Prepared) -> dict[str, float]:
    """What the base model reaches on the same windows, from the vectors at hand."""
    held, windows = prepared.heldout, prepared.windows
    if not len(held):
        return {}
    gold = [prepared.gold[q] for q in held]
    chosen = nearest_windows(windows.vectors, windows.questions[held], windows.passage, gold)
    scores = windows.questions[held] @ windows.vectors[chosen].T
    return {BASE + k: v for k, v in figures(scores, windows.passage[chosen], gold).items()}


def nearest_windows(
    vectors: Vectors, questions: Vectors, passage: Ints, gold: list[Ints], most: int = MOST_WINDOWS
) -> Ints:
    """Places of the windows to evaluate on: all of right passages, then each question's nearest."""
    right = np.isin(passage, np.concatenate(gold))
    chosen = dict.fromkeys(np.flatnonzero(right).tolist())
    nearest = np.argsort(-(questions @ vectors.T), axis=1)
    for window in nearest.T.ravel().tolist():
        if len(chosen) >= most:
            break
        chosen[window] = None
    return np.array(sorted(chosen), dtype=np.int64)


def figures(scores: NDArray[Any], passage: Ints, gold: list[Ints]) -> dict[str, float]:
    """
    NDCG@10 and hit rate@5 of passages by their best window.

    :param scores: *Shape:* ``(questions, windows)``
    """
    passages, inverse = np.unique(passage, return_inverse=True)
    best = np.full((len(scores), len(passages)), -np.inf)
    np.maximum.at(best.T, inverse, scores.T)
    order = np.argsort(-best, axis=1, kind="stable")[:, :DEPTH]
    gains = np.array(
        [np.isin(passages[row], right) for row, right in zip(order, gold, strict=True)], dtype=float
    )
    discount = 1 / np.log2(np.arange(2, gains.shape[1] + 2))
    ideal = np.array([discount[: len(right)].sum() for right in gold])
    return {
        NDCG: float(((gains * discount).sum(axis=1) / ideal).mean()),
        HIT: float(gains[:, :5].any(axis=1).mean()),
    }
