"""
Losses over windows: each question against the windows of its batch, or of the whole corpus.

Over a batch it is that of the vectors plus that of MaxSim, which late interaction compares by. Both
leave out negatives that the base model finds closer to the question than its positive (`guide`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any, cast

import torch
from sentence_transformers.base.losses.gradcache import (
    CachedLossMixin,
    RandContext,
    _create_minibatch,
)
from sentence_transformers.util import all_gather, all_gather_with_grad, get_rank, get_world_size
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from training.finetune.methods import late
from training.finetune.methods.guide import Guide
from training.finetune.methods.late import SHARES, TokenWeights

Features = dict[str, Tensor]


class WindowRankingLoss(CachedLossMixin, nn.Module):  # type: ignore[misc]
    """
    Each question against all windows of the batch, on every process.

    A window that several questions of the batch share is encoded once. Batches that exceed
    `mini_batch_size` texts are computed in parts (gradient caching), at the cost of a second
    forward pass.
    """

    def __init__(
        self,
        model: nn.Module,
        guide: Guide,
        *,
        temperature: float,
        mini_batch_size: int,
        dimensions: Iterable[int] = (),
        tokens: TokenWeights | None = None,
    ) -> None:
        """
        :param dimensions: Shorter prefixes of the vectors to train as well (Matryoshka).
        :param tokens: For MaxSim. If None, only the vectors are trained.
        """
        super().__init__()
        self.model = model
        self.guide = guide
        self.temperature = temperature
        self.mini_batch_size = mini_batch_size
        self.dimensions = tuple(dimensions)
        self.tokens = tokens

    def forward(self, sentence_features: Iterable[Features], labels: Tensor) -> Tensor:
        """
        The loss of a batch.

        :param labels: Places of the pairs. *Shape:* ``(b,)``
        :returns: *Shape:* ``()``
        """
        questions, *windows = sentence_features
        if self.tokens is not None:
            shares = self.tokens.shares(questions["input_ids"], questions["attention_mask"])
            questions = questions | {SHARES: shares}
        columns = [questions]
        for features, shown in zip(windows, self.guide.candidates[labels].T, strict=True):
            columns.append(_take(features, _first(shown)[0]))
        if len(labels) > self.mini_batch_size:
            # A torch module's attributes are typed as tensors.
            return cast("Callable[..., Tensor]", self.forward_cached)(columns, labels)
        return self.calculate_loss([[self._read(features)] for features in columns], labels)

    def embed_minibatch(
        self,
        sentence_feature: Features,
        begin: int,
        end: int,
        with_grad: bool,
        copy_random_state: bool,
        random_state: RandContext | None = None,
    ) -> tuple[Tensor, RandContext | None]:
        """Read a part of a batch. See `CachedLossMixin`. *Shape:* ``(part, r)``"""
        part = _create_minibatch(sentence_feature, begin, end)
        with random_state or nullcontext(), torch.set_grad_enabled(with_grad):
            state = RandContext(*part.values()) if copy_random_state else None
            return self._read(part), state

    def _read(self, features: Features) -> Tensor:
        """Vectors, with the states of tokens if they are trained. *Shape:* ``(b, r)``"""
        found: Features = self.model(features)
        if self.tokens is None:
            return found["sentence_embedding"]
        scale = features.get(SHARES, features["attention_mask"])
        return late.with_states(found["sentence_embedding"], found["token_embeddings"], scale)

    def calculate_loss(
        self, reps: list[list[Tensor]], labels: Tensor | None = None, *, with_backward: bool = False
    ) -> Tensor:
        """
        The loss of vectors that are computed already. See `CachedLossMixin`.

        :param reps: What `_read` gives of questions and windows, in parts. *Shape of each:*
            ``(part, r)``
        :param labels: Places of the pairs. *Shape:* ``(b,)``
        :returns: *Shape:* ``()``
        """
        assert labels is not None
        questions, *windows = [late.joined(parts).float() for parts in reps]
        # Every process gathers equally many rows, so shared windows are spread out again.
        shown = self.guide.candidates[labels].T
        spread = [w[_first(own)[1]] for w, own in zip(windows, shown, strict=True)]
        if get_world_size() > 1:
            everywhere = torch.cat([all_gather(own.contiguous()) for own in shown])
            alike = [_as_wide_everywhere(rows) for rows in spread]
            documents = late.joined([all_gather_with_grad(rows) for rows in alike])
        else:
            everywhere, documents = torch.cat([*shown]), late.joined(spread)
        columns, place = _first(everywhere)
        documents, candidates = documents[columns], everywhere[columns]
        rows = torch.arange(len(labels), device=labels.device)
        own = place[get_rank() * len(labels) + rows]
        masked = self.guide.false_negatives(labels, candidates)
        masked[rows, own] = False
        with torch.autocast(questions.device.type, enabled=False):
            total = self._of_scores(questions, documents, masked, own)
        if with_backward:
            total.backward()  # type: ignore[no-untyped-call]
            total = total.detach()
        return total

    def _of_scores(
        self, questions: Tensor, documents: Tensor, masked: Tensor, own: Tensor
    ) -> Tensor:
        """
        The loss of the vectors, and of MaxSim.

        :param questions: *Shape:* ``(b, r)``
        :param documents: *Shape:* ``(c, r)``
        :param masked: Windows that are no negatives. *Shape:* ``(b, c)``
        :param own: Column of each question's window. *Shape:* ``(b,)``
        """

        def entropy(scores: Tensor) -> Tensor:
            return cross_entropy((scores / self.temperature).masked_fill(masked, -torch.inf), own)

        whole = self.guide.windows.shape[1]
        sizes = (whole, *self.dimensions)
        parts = []
        for size in sizes:
            left, right = (normalize(side[:, :size], dim=1) for side in (questions, documents))
            parts.append(entropy(left @ right.T))
        total = torch.stack(parts).mean()
        if self.tokens is None:
            return total
        left, right = (
            side[:, whole:].reshape(len(side), -1, self.tokens.state_size)
            for side in (questions, documents)
        )
        return total + self.tokens.part * entropy(late.maxsim(left, right))


class CorpusRankingLoss(nn.Module):
    """
    Each question against every window of the corpus, whose vectors stay as they are.

    All windows of the passages that answer it count as right (the sum of their shares).
    """

    def __init__(self, model: nn.Module, guide: Guide, *, temperature: float) -> None:
        super().__init__()
        self.model = model
        self.guide = guide
        self.temperature = temperature

    def forward(self, sentence_features: Iterable[Features], labels: Tensor) -> Tensor:
        """
        The loss of a batch.

        :param labels: Places of the pairs. *Shape:* ``(b,)``
        :returns: *Shape:* ``()``
        """
        (features,) = sentence_features
        questions = _embed(self.model, features).float()
        return corpus_loss(questions, self.guide.windows, labels, self.guide, self.temperature)


def corpus_loss(
    questions: Tensor, windows: Tensor, pairs: Tensor, guide: Guide, temperature: float
) -> Tensor:
    """
    Minus the log of the share that a question gives to the windows that answer it.

    :param questions: *Shape:* ``(b, d)``
    :param windows: All of the corpus. *Shape:* ``(w, d)``
    """
    columns = torch.arange(len(windows), device=windows.device)
    right = (guide.window_passage[None, :, None] == guide.gold[pairs][:, None, :]).any(2)
    left_out = guide.false_negatives(pairs, columns) & ~right
    scores = normalize(questions, dim=1) @ normalize(windows, dim=1).T / temperature
    scores = scores.masked_fill(left_out, -torch.inf)
    whole = torch.logsumexp(scores, dim=1)
    return (whole - torch.logsumexp(scores.masked_fill(~right, -torch.inf), dim=1)).mean()


def _embed(model: Any, features: Features) -> Tensor:
    vectors: Tensor = model(features)["sentence_embedding"]
    return vectors


def _as_wide_everywhere(rows: Tensor) -> Tensor:
    """Rows with zeros at their ends, so that every process gathers equally wide ones."""
    widest = int(all_gather(torch.tensor([rows.shape[1]], device=rows.device)).max())
    return late.joined([rows, rows.new_zeros((0, widest))])


def _first(values: Tensor) -> tuple[Tensor, Tensor]:
    """Where each distinct value is first, and for each value the place of its first one there."""
    distinct, inverse = torch.unique(values, return_inverse=True)
    places = torch.arange(len(values), device=values.device)
    first = torch.full((len(distinct),), len(values), device=values.device)
    first = first.scatter_reduce(0, inverse, places, reduce="amin")
    return first, inverse


def _take(features: Features, rows: Tensor) -> Features:
    """The rows of a batch, without padding that only others needed."""
    mask = features["attention_mask"][rows]
    used = mask.any(dim=0)
    width = int(used.nonzero().max()) + 1 if bool(used.any()) else 1
    taken: dict[str, Any] = {}
    for name, value in features.items():
        if isinstance(value, Tensor) and value.ndim == 2:
            taken[name] = value[rows][:, :width]
        else:
            taken[name] = value
    return taken
