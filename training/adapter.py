"""The adapter: a linear layer over the base model's vectors, learned in seconds from the vectors alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from training import networks
from training.heldout import NDCG, figures, nearest_windows
from training.losses import Guide, corpus_loss
from training.options import TrainOptions
from training.prepare import Prepared
from training.rundir import RunDir

Sides = dict[str, nn.Linear]


def train(
    run: RunDir,
    base: Path,
    prepared: Prepared,
    options: TrainOptions,
    report: Callable[..., None],
) -> dict[str, float]:
    """
    Learn the layers and store the model; the figures of its best round.

    Runs without checkpoints: starting again costs less than reading one.
    """
    torch.manual_seed(options.seed)
    guide = Guide.of(prepared, options.margin, torch.device("cpu"))
    dimension = prepared.windows.vectors.shape[1]
    names = ("query", "document") if options.adapter_sides == "both" else ("query",)
    sides = {name: _nothing_yet(dimension) for name in names}
    parameters = [p for side in sides.values() for p in side.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=options.resolved_learning_rate, weight_decay=0.01)
    pairs = len(prepared.pairs.question)
    per_round = -(-pairs // options.batch_size)
    rounds = max(1, round(options.resolved_epochs))
    most = options.max_steps if options.max_steps > 0 else rounds * per_round
    best, best_state, stale, step = -1.0, _state(sides), 0, 0
    result: dict[str, float] = {}
    for number in range(rounds):
        loss = torch.zeros(())
        for batch in torch.split(torch.randperm(pairs), options.batch_size):
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
        if len(prepared.heldout):
            found = _evaluate(sides, prepared)
            report(step=step, total=most, loss=float(loss.detach()), evaluation=found)
            stale = 0 if found[NDCG] > best else stale + 1
            if stale == 0:
                best, best_state, result = found[NDCG], _state(sides), found
            if stale > options.patience:
                break
        else:
            best_state = _state(sides)
        if step >= most:
            break
    document = best_state.get("document")
    model = networks.with_adapter(networks.load_base(base, "cpu"), best_state["query"], document)
    networks.save(model, run.model)
    return {"steps": step, **result}


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


def _evaluate(sides: Sides, prepared: Prepared) -> dict[str, float]:
    windows, held = prepared.windows, prepared.heldout
    gold = [prepared.gold[q] for q in held]
    # The same windows as the base model's figure is over.
    chosen = nearest_windows(windows.vectors, windows.questions[held], windows.passage, gold)
    with torch.no_grad():
        asked = torch.as_tensor(windows.questions[held])
        questions = nn.functional.normalize(_apply(sides, "query", asked), dim=1)
        documents = _apply(sides, "document", torch.as_tensor(windows.vectors[chosen]))
        scores = questions @ nn.functional.normalize(documents, dim=1).T
    return figures(scores.numpy(), windows.passage[chosen], gold)
