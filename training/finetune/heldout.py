"""
How well a model under training answers held-out questions by the whole retrieval, cheaply.

Each question is asked of its candidates: the passages that the base's search ranks best, and the
right ones. Their fused scores, with phrases and late interaction, are what people will get.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder.encoder import Encoder, Vectors
from pipelines.search.rerank import WINDOWS_EACH
from pipelines.text.scoring.late import PieceCounts, maxsim
from training.finetune.costs import MOST_WINDOWS
from training.finetune.negatives import Retrieval
from training.finetune.prepare import TrainingData
from training.finetune.whole import (
    Floats,
    Ints,
    by_passage,
    candidates,
    fused,
    vectors_side,
    words_side,
)

DEPTH = 10
NDCG = f"heldout_ndcg@{DEPTH}"
HIT = "heldout_hit@5"
# Stands before the names of the base model's figures.
BASE = "base_"
# Candidates of a question, however many windows they have, and at most.
FEWEST, MOST = 5, 30


@dataclass(frozen=True, eq=False)
class HeldOut:
    """
    The held-out questions, and the windows they are asked of.

    A right passage is always a candidate. So figures are higher than over the whole corpus. They
    compare models of one run and nothing else.
    """

    questions: list[str]
    gold: list[Ints]  # by question: columns of the passages that answer it
    texts: list[str]  # of the windows
    passage: Ints  # column of each window's passage. Shape: (w,)
    asked: Vectors  # the questions by the base model. Shape: (q, d)
    vectors: Vectors  # the windows by the base model. Shape: (w, d)
    candidates: NDArray[np.bool_]  # Shape: (q, p)
    words: Floats  # the words' side. Shape: (q, p)
    trust: list[float]
    share: float  # of the words, where the base is searched
    pieces: PieceCounts
    base_late: Floats | None  # MaxSim by the base model. Shape: (q, p)

    @classmethod
    def of(cls, prepared: TrainingData) -> HeldOut | None:
        """None: no question is held out, or no right passage has a window."""
        windows, found = prepared.windows, prepared.retrieval
        present = set(windows.passage.tolist())
        places = [p for p in prepared.heldout if present.intersection(prepared.gold[p].tolist())]
        if not places:
            return None
        questions = [prepared.questions[p] for p in places]
        trust = [found.trust[p] for p in places]
        asked = windows.questions[places]
        scores = asked @ windows.vectors.T
        passages, best = by_passage(scores, windows.passage)
        lexical = found.words.all_scores(questions)[:, passages]
        gold = [np.flatnonzero(np.isin(passages, prepared.gold[p])) for p in places]
        orders = [
            candidates(near, named, found.share, trusted)
            for near, named, trusted in zip(best, lexical, trust, strict=True)
        ]
        column = np.searchsorted(passages, windows.passage)
        chosen, used = choose(scores, column, orders, gold)
        # A passage that is no question's candidate is left out.
        columns = np.flatnonzero(chosen.any(axis=0))
        chosen = chosen[:, columns]
        phrases = _phrases(found, questions, passages[columns], chosen)
        plain = cls(
            questions,
            gold=[np.searchsorted(columns, right) for right in gold],
            texts=[windows.texts[w] for w in used],
            passage=np.searchsorted(columns, column[used]),
            asked=asked,
            vectors=windows.vectors[used],
            candidates=chosen,
            words=words_side(lexical[:, columns], phrases, chosen, trust, found.encoder.late),
            trust=trust,
            share=found.share,
            pieces=found.pieces,
            base_late=None,
        )
        return replace(plain, base_late=plain.read(found.encoder)[1])

    def read(self, encoder: Encoder) -> tuple[Floats, Floats | None]:
        """
        Compare questions and windows by an encoder.

        :returns: Cosines, and MaxSim of each candidate, None if it gives no states of tokens.
            *Shape:* ``(questions, windows)``, ``(questions, p)``
        """
        if not encoder.late:
            asked = encoder.encode_queries(self.questions)
            return np.asarray(asked @ encoder.encode_documents(self.texts).T, float), None
        vectors, codes = encoder.encode_documents_late(self.texts)
        read = [encoder.encode_query_late(question) for question in self.questions]
        cosines = np.stack([vector for vector, _ in read]) @ vectors.T
        late = np.full(self.candidates.shape, np.nan)
        for row, (_, tokens) in enumerate(read):
            windows, place = self._compared(row, cosines[row])
            columns = np.flatnonzero(self.candidates[row])
            best_window, together = maxsim(
                tokens,
                self.pieces.weights(tokens.ids),
                [codes[window] for window in windows],
                place,
                len(columns),
            )
            late[row, columns] = (best_window + together) / 2
        return np.asarray(cosines, float), late

    def side(self, cosines: NDArray[Any], late: Floats | None) -> Floats:
        """
        The side of the vectors in the score of each candidate.

        :param cosines: *Shape:* ``(questions, windows)``
        :param late: *Shape:* ``(questions, p)``
        :returns: *Shape:* ``(questions, p)``
        """
        _, best = by_passage(cosines, self.passage)
        return vectors_side(best, late, self.candidates, self.trust)

    def base_side(self) -> Floats:
        """The side of the base model's vectors. *Shape:* ``(questions, p)``"""
        return self.side(self.asked @ self.vectors.T, self.base_late)

    def figures(self, side: Floats) -> dict[str, float]:
        """Those of the whole retrieval with one model. *Shape:* ``(questions, p)``"""
        scores = fused(side, self.words, self.share)
        return figures(scores, np.arange(scores.shape[1]), self.gold)

    def of_base(self) -> dict[str, float]:
        """What the base model reaches."""
        return {BASE + k: v for k, v in self.figures(self.base_side()).items()}

    def _compared(self, row: int, cosines: NDArray[Any]) -> tuple[list[int], Ints]:
        """The nearest windows of a question's candidates, and the number of each one's candidate."""
        windows, place = [], []
        for number, column in enumerate(np.flatnonzero(self.candidates[row])):
            nearest = _nearest_of(np.flatnonzero(self.passage == column), cosines)
            windows += nearest
            place += [number] * len(nearest)
        return windows, np.array(place, dtype=np.int64)


def choose(
    scores: NDArray[Any],
    passage: Ints,
    orders: Sequence[Ints],
    gold: Sequence[Ints],
    most: int = MOST_WINDOWS,
) -> tuple[NDArray[np.bool_], Ints]:
    """
    The candidates of each question: the right passages, then the best ones, rank by rank, until
    their windows are many.

    :param scores: Cosines. *Shape:* ``(questions, windows)``
    :param passage: Column of each window's passage, ascending. *Shape:* ``(windows,)``
    :param orders: The passages of each question, best first.
    :param gold: The right passages of each question.
    :returns: The candidates, and the places of windows, of each candidate the `WINDOWS_EACH` that
        are nearest. *Shape:* ``(questions, p)``, ``(m,)`` with m near `most`
    """
    bounds = np.searchsorted(passage, np.arange(passage.max() + 2))
    chosen = np.zeros((len(scores), len(bounds) - 1), dtype=bool)
    used: set[int] = set()

    def add(row: int, column: int) -> None:
        chosen[row, column] = True
        used.update(_nearest_of(np.arange(bounds[column], bounds[column + 1]), scores[row]))

    for row, right in enumerate(gold):
        for column in right.tolist():
            add(row, column)
    for rank in range(MOST):
        if rank >= FEWEST and len(used) >= most:
            break
        for row, order in enumerate(orders):
            if rank < len(order):
                add(row, int(order[rank]))
    return chosen, np.array(sorted(used), dtype=np.int64)


def _nearest_of(windows: Ints, cosines: NDArray[Any]) -> list[int]:
    """The nearest of a passage's windows, as late interaction compares them."""
    order = np.argsort(-cosines[windows], kind="stable")[:WINDOWS_EACH]
    return [int(window) for window in windows[order]]


def _phrases(
    found: Retrieval, questions: Sequence[str], passages: Ints, chosen: NDArray[np.bool_]
) -> Floats:
    """The share of each question's phrases in its candidates. *Shape:* ``(questions, p)``"""
    shares = np.zeros(chosen.shape)
    for row, (question, there) in enumerate(zip(questions, chosen, strict=True)):
        shares[row, there] = found.words.phrases(question, passages[there].tolist())
    return shares


def figures(scores: NDArray[Any], passage: Ints, gold: Sequence[Ints]) -> dict[str, float]:
    """
    Means of `by_question`.

    :param scores: *Shape:* ``(questions, windows)``
    :param passage: The passage of each window. *Shape:* ``(windows,)``
    :param gold: The right passages of each question. *Shape of each:* ``(r,)``
    """
    return {name: float(of.mean()) for name, of in by_question(scores, passage, gold).items()}


def by_question(
    scores: NDArray[Any], passage: Ints, gold: Sequence[Ints]
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
