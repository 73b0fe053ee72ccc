"""
The pairs of a run: each right passage's window with its hard negatives.

They are passages that a person called wrong for the question, and those that the whole retrieval
ranks best among the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.embedder.encoder import Encoder, Vectors
from pipelines.errors import InputError
from pipelines.text.scoring.late import PieceCounts
from training.finetune.options import TrainOptions
from training.finetune.whole import Ints, candidates
from training.finetune.words import Words

# Hard negatives are drawn from so many of the best wrong passages.
WRONG = 8
# More are looked at, because some may be answers.
LOOKED_AT = 4


@dataclass(frozen=True)
class Windows:
    """The windows of a run's passages, and the base model's vectors of them and of questions."""

    texts: list[str]
    spans: Ints  # start and end character in the passage. Shape: (w, 2)
    passage: Ints  # place of each window's passage. Shape: (w,)
    vectors: Vectors  # Shape: (w, d)
    questions: Vectors  # training questions, then held-out ones. Shape: (q, d)


@dataclass(frozen=True)
class TrainingPairs:
    """
    Training pairs: one for each question and each passage that answers it.

    `gold` holds the places of all passages that answer the pair's question, `wrong` those that a
    person called wrong for it.
    """

    question: Ints  # place in the questions. Shape: (p,)
    # Windows: the positive, then hard negatives. Where these are too few, the positive stands in.
    candidates: Ints  # Shape: (p, 1 + k)
    gold: list[Ints]
    wrong: list[Ints]


@dataclass(frozen=True)
class Retrieval:
    """
    How the base's passages are searched.

    :param words: The postings of all passages.
    :param share: That of the words in the score.
    :param trust: How well the base reads each question (`fusion.trust`).
    :param pieces: Word pieces in windows, as late interaction weighs them.
    """

    encoder: Encoder
    words: Words
    share: float
    trust: list[float]
    pieces: PieceCounts


@dataclass(frozen=True)
class Labels:
    """
    Places of passages for each question to train on. *Shape of each:* ``(p,)``

    :param learned: Those that it is paired with.
    :param right: These, and those that repeat what it asks. None of them is a negative.
    :param wrong: Those that a person called wrong for it.
    """

    learned: Sequence[Ints]
    right: Sequence[Ints]
    wrong: Sequence[Ints]


def training_pairs(
    windows: Windows,
    questions: Sequence[str],
    labels: Labels,
    retrieval: Retrieval,
    options: TrainOptions,
) -> TrainingPairs:
    """
    :param questions: Those to train on.
    """
    right = labels.right
    # What is right for one person is no negative because another one called it wrong.
    called_wrong = [np.setdiff1d(bad, good) for bad, good in zip(labels.wrong, right, strict=True)]
    # Windows stand in the order of their passages.
    present, first = np.unique(windows.passage, return_index=True)
    windows_of = np.split(np.arange(len(windows.texts)), first[1:])
    of_passage = dict(zip(present.tolist(), windows_of, strict=True))
    draw = np.random.default_rng(options.seed)
    count = options.resolved_hard_negatives
    question, rows = [], []
    for q, text in enumerate(questions):
        scores = windows.vectors @ windows.questions[q]
        told = [
            _nearest(of_passage[p], scores) for p in called_wrong[q].tolist() if p in of_passage
        ]
        wrong: list[int] = []
        if count:
            lexical = retrieval.words.scores(text)
            cosines = np.zeros(len(lexical))
            cosines[present] = np.maximum.reduceat(scores, first)
            order = candidates(cosines, lexical, retrieval.share, retrieval.trust[q])
            known = {*right[q].tolist(), *called_wrong[q].tolist()}
            best_wrong = [p for p in order.tolist() if p in of_passage and p not in known]
            wrong = [_nearest(of_passage[p], scores) for p in best_wrong[: LOOKED_AT * WRONG]]
        # A passage without windows has no token that the tokenizer's vocabulary knows.
        own = [
            _nearest(of_passage[p], scores) for p in labels.learned[q].tolist() if p in of_passage
        ]
        for best, given in _dealt(own, told, count):
            ceiling = scores[best] + options.margin
            hard = [*given, *_drawn(wrong, scores, ceiling, count - len(given), draw)]
            question.append(q)
            rows.append([best, *hard, *[best] * (count - len(hard))])
    if not question:
        raise InputError("No pair to train on: no passage has a token the base model knows.")
    return TrainingPairs(
        np.array(question, dtype=np.int64),
        np.array(rows, dtype=np.int64),
        [right[q] for q in question],
        [called_wrong[q] for q in question],
    )


def _dealt(own: Sequence[int], told: Sequence[int], count: int) -> list[tuple[int, Sequence[int]]]:
    """
    The pairs of a question: the window of each right passage with the wrong ones it is told from.

    One place stays free for a wrong passage that is searched. Where wrong ones are too many for
    the pairs that there are, right windows come again with the others.

    :param own: Windows of the right passages.
    :param told: Windows of the passages that a person called wrong.
    :param count: Hard negatives of a pair.
    """
    if not own:
        return []
    places = min(count, max(1, count - 1))
    parts = [told[i : i + places] for i in range(0, len(told), places)] if places else []
    parts = parts or [()]
    most = max(len(own), len(parts))
    return [(own[i % len(own)], parts[i % len(parts)]) for i in range(most)]


def _nearest(own: Ints, scores: Vectors) -> int:
    """Of these windows, the one with the highest score."""
    return int(own[np.argmax(scores[own])])


def _drawn(
    wrong: Sequence[int], scores: Vectors, ceiling: float, count: int, draw: np.random.Generator
) -> list[int]:
    """
    Hard negatives, drawn from the best wrong ones. Those above the ceiling are taken for answers.

    :param wrong: Windows, that of the best passage first.
    :param scores: Of all windows. *Shape:* ``(w,)``
    """
    there = [window for window in wrong if scores[window] <= ceiling][: max(WRONG, count)]
    return [int(window) for window in draw.permutation(there)[:count]]
