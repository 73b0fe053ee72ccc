"""
MaxSim while training: states of tokens beside the vectors, in one tensor for each batch of texts.

A row is the text's vector, then the states of its tokens one after the other. States of windows
have length 1, and those of padding are zero. States of a question's tokens are scaled by the share
that each has in the score, so that a sum over tokens is the weighted mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor
from torch.nn.functional import normalize, pad

from pipelines.text.scoring.late import PieceCounts

SHARES = "token_shares"
# Below any cosine.
PADDING = -2.0
# Questions compared at a time, which bounds the memory.
BLOCK = 16


@dataclass(frozen=True, eq=False)
class TokenWeights:
    """
    How much each token of a question counts, as where it is searched.

    :param of_piece: idf by the vocabulary's id, 0 for special tokens. *Shape:* ``(v,)``
    :param state_size: Values of a state.
    :param prompt: Tokens before a question, which do not count.
    :param part: How much MaxSim counts in the loss, beside the vectors.
    """

    of_piece: Tensor
    state_size: int
    prompt: int = 0
    part: float = 1.0

    @classmethod
    def of(cls, model: SentenceTransformer, pieces: PieceCounts, part: float) -> TokenWeights:
        """:param pieces: In the windows that are searched."""
        tokenizer = model.tokenizer
        of_piece = pieces.weights(np.arange(len(tokenizer)))
        special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
        of_piece[list(special)] = 0.0
        prompt = tokenizer(model.prompts.get("query") or "", add_special_tokens=False)
        size = model[0].auto_model.config.hidden_size
        return cls(torch.tensor(of_piece).float(), size, len(prompt["input_ids"]), part)

    def shares(self, ids: Tensor, attention: Tensor) -> Tensor:
        """
        The share of each token in its question's score, all 0 where none counts.

        :param ids: *Shape:* ``(b, t)``
        :param attention: 0 for padding. *Shape:* ``(b, t)``
        :returns: *Shape:* ``(b, t)``
        """
        weights = self.of_piece.to(ids.device)[ids] * attention
        if self.prompt:
            weights = weights * ((weights > 0).cumsum(dim=1) > self.prompt)
        return weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-6)


def with_states(vectors: Tensor, states: Tensor, scale: Tensor) -> Tensor:
    """
    :param vectors: *Shape:* ``(b, d)``
    :param states: *Shape:* ``(b, t, h)``
    :param scale: Of each state, after its length is made 1. *Shape:* ``(b, t)``
    :returns: *Shape:* ``(b, d + t * h)``
    """
    scaled = normalize(states.float(), dim=2) * scale.unsqueeze(2)
    return torch.cat([vectors.float(), scaled.flatten(1)], dim=1)


def joined(parts: Sequence[Tensor]) -> Tensor:
    """Rows of several batches, the shorter ones with zeros at their ends. *Shape:* ``(n, r)``"""
    widest = max(part.shape[1] for part in parts)
    return torch.cat([pad(part, (0, widest - part.shape[1])) for part in parts])


def maxsim(questions: Tensor, windows: Tensor) -> Tensor:
    """
    The weighted mean of each question's tokens' highest cosine with a token of each window.

    :param questions: Scaled states. *Shape:* ``(b, t, h)``
    :param windows: States, zero for padding. *Shape:* ``(c, u, h)``
    :returns: *Shape:* ``(b, c)``
    """
    padding = ~windows.any(dim=2)
    rows = []
    for some in torch.split(questions, BLOCK):
        products = some.flatten(0, 1) @ windows.flatten(0, 1).T
        products = products.view(-1, *padding.shape).masked_fill(padding, PADDING)
        best = products.max(dim=2).values
        rows.append(best.view(*some.shape[:2], len(windows)).sum(dim=1))
    return torch.cat(rows)
