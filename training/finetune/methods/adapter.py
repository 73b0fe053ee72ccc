"""The adapter: a linear layer over the base model's vectors, learned in seconds from the vectors alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.finetune.heldout import NDCG, HeldOut
from training.finetune.methods import networks
from training.finetune.methods.guide import Guide
from training.finetune.methods.losses import corpus_loss
from training.finetune.options import TrainOptions
from training.finetune.prepare import TrainingData
from training.finetune.rundir import RunDir
from training.finetune.whole import Floats

Sides = dict[str, nn.Linear]


def train(
    run: RunDir,
    base: Path,
    prepared: TrainingData,
    options: TrainOptions,
    report: Callable[..., None],
    heldout: HeldOut | None,
) -> tuple[dict[str, Any], Floats | None]:
    """
    Learn the layers and store the model.

    Runs without checkpoints, because starting again costs less than reading one.

    :returns: The figures of the best epoch, and its side of the held-out scores. *Shape:*
        ``(questions, passages)``
    """
    torch.manual_seed(options.seed)
    guide = Guide.of(prepared, options.margin, torch.device("cpu"))
    dimension = prepared.windows.vectors.shape[1]
    names = ("query", "document") if options.adapter_sides == "both" else ("query",)
    sides = {name: _nothing_yet(dimension) for name in names}
    parameters = [p for side in sides.values() for p in side.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=options.resolved_learning_rate, weight_decay=0.01)
    pairs = len(prepared.pairs.question)
    per_round = -(-pairs // options.resolved_batch_size)
    rounds = max(1, round(options.resolved_epochs))
    most = options.max_steps if options.max_steps > 0 else rounds * per_round
    best, best_state, stale, step = -1.0, _state(sides), 0, 0
    result: dict[str, float] = {}
    best_side: Floats | None = None
    for number in range(rounds):
        loss = torch.zeros(())
        for batch in torch.split(torch.randperm(pairs), options.resolved_batch_size):
            asked = guide.questions[guide.pair_question[batch]]
            loss = corpus_loss(
                _apply(sides, "query", asked),
                _apply(sides, "document", guide.windows),
                batch,
                guide,
                options.temperature,
            )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            step += 1
            report(step=step, total=most, loss=float(loss.detach()), epoch=number + 1)
            if step >= most:
                break
        if heldout is not None:
            # States of tokens stay the base model's, and late interaction as it is.
            side = heldout.side(_scores(sides, heldout), heldout.base_late)
            found = heldout.figures(side)
            report(step=step, total=most, loss=float(loss.detach()), evaluation=found)
            stale = 0 if found[NDCG] > best else stale + 1
            if stale == 0:
                best, best_state, result = found[NDCG], _state(sides), found
                best_side = side
            if stale > options.patience:
                break
        else:
            best_state = _state(sides)
        if step >= most:
            break
    document = best_state.get("document")
    model = networks.with_adapter(networks.load_base(base, "cpu"), best_state["query"], document)
    networks.save(model, run.model)
    return {"steps": step, **result}, best_side


def _nothing_yet(dimension: int) -> nn.Linear:
    side = nn.Linear(dimension, dimension)
    nn.init.zeros_(side.weight)
    nn.init.zeros_(side.bias)
    return side


def _apply(sides: Sides, name: str, vectors: Tensor) -> Tensor:
    side = sides.get(name)
    return vectors if side is None else vectors + side(vectors)


def _state(sides: Sides) -> dict[str, tuple[Tensor, Tensor]]:
    return {n: (s.weight.detach().clone(), s.bias.detach().clone()) for n, s in sides.items()}


def _scores(sides: Sides, heldout: HeldOut) -> NDArray[Any]:
    with torch.no_grad():
        questions = _apply(sides, "query", torch.as_tensor(heldout.asked))
        documents = _apply(sides, "document", torch.as_tensor(heldout.vectors))
        scores = (
            nn.functional.normalize(questions, dim=1) @ nn.functional.normalize(documents, dim=1).T
        )
    return np.asarray(scores.numpy())
