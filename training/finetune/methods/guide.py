"""
What of a batch is no negative: the base model guides the losses by what it finds near.

After GISTEmbed (Solatorio 2024, https://arxiv.org/abs/2402.16829). The base model's vectors are
computed once per run, so the guide costs a look-up instead of a forward pass per step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.finetune.prepare import TrainingData


@dataclass(frozen=True)
class Guide:
    """Tensors of `TrainingData` that losses look up by a pair's place, its label."""

    pair_question: Tensor  # Shape: (p,)
    candidates: Tensor  # windows: the positive, then hard negatives. Shape: (p, 1 + k)
    window_passage: Tensor  # Shape: (w,)
    questions: Tensor  # Shape: (q, d)
    windows: Tensor  # Shape: (w, d)
    gold: Tensor  # places of passages, padded with -1. Shape: (p, g)
    wrong: Tensor  # of those that a person called wrong, likewise. Shape: (p, n)
    margin: float

    @classmethod
    def of(cls, prepared: TrainingData, margin: float, device: torch.device) -> Guide:
        """The guide on the device that trains."""

        def tensor(values: NDArray[Any]) -> Tensor:
            return torch.as_tensor(values, device=device)

        return cls(
            pair_question=tensor(prepared.pairs.question),
            candidates=tensor(prepared.pairs.candidates),
            window_passage=tensor(prepared.windows.passage),
            questions=tensor(prepared.windows.questions),
            windows=tensor(prepared.windows.vectors),
            gold=tensor(_padded(prepared.pairs.gold)),
            wrong=tensor(_padded(prepared.pairs.wrong)),
            margin=margin,
        )

    def false_negatives(self, pairs: Tensor, columns: Tensor) -> Tensor:
        """
        Where a window is an answer too, as far as labels and the base model tell. What a person
        called wrong is none, however near the base model finds it.

        A pair's own window is marked as well: callers give it back.

        :param pairs: Places of pairs. *Shape:* ``(b,)``
        :param columns: Places of windows. *Shape:* ``(c,)``
        :returns: *Shape:* ``(b, c)``, boolean.
        """
        asked = self.questions[self.pair_question[pairs]]
        own = (asked * self.windows[self.candidates[pairs, 0]]).sum(dim=1, keepdim=True)
        closer = asked @ self.windows[columns].T > own + self.margin
        passages = self.window_passage[columns][None, :, None]
        same = (passages == self.gold[pairs][:, None, :]).any(2)
        told = (passages == self.wrong[pairs][:, None, :]).any(2)
        return closer & ~told | same


def _padded(places: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Rows of different lengths, padded with -1. *Shape:* ``(p, longest)``"""
    padded = np.full((len(places), max(len(row) for row in places)), -1)
    for row, own in enumerate(places):
        padded[row, : len(own)] = own
    return padded
