"""How well a model under training ranks the passages of held-out questions, cheaply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator

from pipelines.embedder.encoder import Vectors
from training.finetune.costs import MOST_WINDOWS
from training.finetune.prepare import Ints, TrainingData

DEPTH = 10
NDCG = f"heldout_ndcg@{DEPTH}"
HIT = "heldout_hit@5"
# Stands before the names of the base model's figures.
BASE = "base_"


@dataclass(frozen=True)
class HeldOut:
    """
    The held-out questions, and the windows they are asked of.

    Only the windows that the base model ranks nearest are added to the right ones. So figures are
    higher than over the whole corpus. They compare models of one run and nothing else.
    """

    questions: list[str]
    gold: list[Ints]  # by question: places of the passages that answer it
    windows: Ints  # places among all windows. Shape: (w,)
    texts: list[str]
    passage: Ints  # place of each window's passage. Shape: (w,)
    asked: Vectors  # the questions by the base model. Shape: (q, d)
    vectors: Vectors  # the windows by the base model. Shape: (w, d)

    @classmethod
    def of(cls, prepared: TrainingData) -> HeldOut | None:
        """None: no question is held out."""
        held, windows = prepared.heldout, prepared.windows
        if not len(held):
            return None
        gold = [prepared.gold[q] for q in held]
        asked = windows.questions[held]
        chosen = nearest_windows(windows.vectors, asked, windows.passage, gold)
        return cls(
            [prepared.questions[q] for q in held],
            gold,
            chosen,
            [windows.texts[w] for w in chosen],
            windows.passage[chosen],
            asked,
            windows.vectors[chosen],
        )

    def figures(self, scores: NDArray[Any]) -> dict[str, float]:
        """Those of one model. *Shape:* ``(questions, windows)``"""
        return figures(scores, self.passage, self.gold)

    def of_base(self) -> dict[str, float]:
        """What the base model reaches, from the vectors at hand."""
        return {BASE + k: v for k, v in self.figures(self.base_scores()).items()}

    def base_scores(self) -> Vectors:
        """*Shape:* ``(questions, windows)``"""
        return self.asked @ self.vectors.T

    def by_passage(self, scores: NDArray[Any]) -> tuple[Ints, NDArray[np.float64], list[Ints]]:
        """
        Passages instead of windows, each with its best window.

        :param scores: *Shape:* ``(questions, windows)``
        :returns: The passages, each question's best score of each, and the columns that are right.
            *Shape:* ``(p,)``, ``(questions, p)``, and one ``(r,)`` for each question
        """
        passages, best = by_passage(scores, self.passage)
        return passages, best, [np.flatnonzero(np.isin(passages, right)) for right in self.gold]


class HeldOutEvaluator(SentenceEvaluator):  # type: ignore[misc]
    """NDCG@10 of passages, each by its best window, over the held-out questions."""

    def __init__(self, heldout: HeldOut, *, frozen_documents: bool = False) -> None:
        """
        :param frozen_documents: Windows keep the base model's vectors. Only questions are embedded.
        """
        super().__init__()
        self.primary_metric = NDCG
        self.greater_is_better = True
        self._heldout, self._frozen = heldout, frozen_documents

    def __call__(
        self, model: Any, output_path: str | None = None, epoch: float = -1, steps: int = -1
    ) -> dict[str, float]:
        return self._heldout.figures(self.scores(model))

    def scores(self, model: Any) -> NDArray[Any]:
        """*Shape:* ``(questions, windows)``"""
        options = {"show_progress_bar": False, "normalize_embeddings": True}
        documents = self._heldout.vectors
        if not self._frozen:
            documents = model.encode_document(self._heldout.texts, **options)
        questions = model.encode_query(self._heldout.questions, **options)
        return np.asarray(questions @ documents.T)


def nearest_windows(
    vectors: Vectors, questions: Vectors, passage: Ints, gold: list[Ints], most: int = MOST_WINDOWS
) -> Ints:
    """
    Places of the windows to evaluate on: all of right passages, then each question's nearest.

    :param vectors: *Shape:* ``(windows, d)``
    :param questions: *Shape:* ``(questions, d)``
    :param passage: The passage of each window. *Shape:* ``(windows,)``
    :param gold: The right passages of each question. *Shape of each:* ``(r,)``
    :returns: Sorted. *Shape:* ``(m,)``, with m near `most`
    """
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
    Means of `by_question`.

    :param scores: *Shape:* ``(questions, windows)``
    :param passage: The passage of each window. *Shape:* ``(windows,)``
    :param gold: The right passages of each question. *Shape of each:* ``(r,)``
    """
    return {name: float(of.mean()) for name, of in by_question(scores, passage, gold).items()}


def by_question(
    scores: NDArray[Any], passage: Ints, gold: list[Ints]
) -> dict[str, NDArray[np.float64]]:
    """
    NDCG@10 and hit rate@5 of passages by their best window, of each question.

    :param scores: *Shape:* ``(questions, windows)``
    """
    passages, best = by_passage(scores, passage)
    order = np.argsort(-best, axis=1, kind="stable")[:, :DEPTH]
    gains = np.array(
        [np.isin(passages[row], right) for row, right in zip(order, gold, strict=True)], dtype=float
    )
    discount = 1 / np.log2(np.arange(2, gains.shape[1] + 2))
    ideal = np.array([discount[: len(right)].sum() for right in gold])
    return {
        NDCG: (gains * discount).sum(axis=1) / ideal,
        HIT: gains[:, :5].any(axis=1).astype(np.float64),
    }


def by_passage(scores: NDArray[Any], passage: Ints) -> tuple[Ints, NDArray[np.float64]]:
    """
    The passages there are, and each question's best window of each.

    :returns: *Shape:* ``(p,)``, ``(questions, p)``
    """
    passages, inverse = np.unique(passage, return_inverse=True)
    best = np.full((len(scores), len(passages)), -np.inf)
    np.maximum.at(best.T, inverse, scores.T)
    return passages, best
