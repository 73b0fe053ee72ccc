"""Measures how fast a machine embeds with a model and trains it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.embedder.local import LocalEncoder
from pipelines.embedder.streams import bf16_pays, halved
from pipelines.progress import NO_TASK, Progress, Task
from training.finetune.costs import Speed, StepCost
from training.finetune.launch import Machine
from training.finetune.options import METHODS, Method, TrainOptions

# Pairs in a measured step, and steps that count (one more goes before them).
PROBE_PAIRS = 8
PROBE_STEPS = 2
PROBE_WINDOWS = 64
# Windows that the step of an adapter is measured on. Its time grows with them.
ADAPTER_WINDOWS = 4096
MB = 1e6


def measure(
    base: Path,
    encoder: LocalEncoder,
    windows: Sequence[str],
    questions: Sequence[str],
    options: TrainOptions,
    machine: Machine,
    *,
    window_s: float | None = None,
    task: Task = NO_TASK,
) -> Speed:
    """
    Measure how fast this machine embeds with a model and trains it. Takes some seconds.

    :param windows: Texts as they are embedded, a few at least.
    :param task: Told how many methods are measured.
    :raises Stopped: The task was asked to stop.
    """
    window_s = seconds_per_window(encoder, windows) if window_s is None else window_s
    steps: dict[Method, StepCost] = {}
    for number, method in enumerate(METHODS):
        task.check()
        task.tell(Progress("measuring", number, len(METHODS)))
        if method != "adapter":
            chosen = replace(
                options,
                method=method,
                freeze_layers=options.freeze_layers if method == "full" else 0,
            )
            steps[method] = _measure(base, questions, windows, chosen, machine)
    adapter_s = _adapter_s(ADAPTER_WINDOWS, encoder.dimension) / ADAPTER_WINDOWS
    return Speed(window_s, adapter_s, encoder.dimension, _size_mb(base), steps)


def seconds_per_window(encoder: LocalEncoder, texts: Sequence[str]) -> float:
    """What embedding a window takes, at many of them."""
    sample = texts[:: max(1, len(texts) // PROBE_WINDOWS)][:PROBE_WINDOWS]
    encoder.encode_documents(sample[:4])
    started = time.perf_counter()
    encoder.encode_documents(sample)
    return (time.perf_counter() - started) / len(sample)


def _measure(
    base: Path,
    questions: Sequence[str],
    texts: Sequence[str],
    options: TrainOptions,
    machine: Machine,
) -> StepCost:
    """A few steps on a batch of questions and windows."""
    import torch
    from torch.nn.functional import cross_entropy, normalize

    from training.finetune.methods import networks

    model = networks.load_base(base, machine.device)
    networks.prepare_network(model, options)
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-9)
    columns = [list(questions[:PROBE_PAIRS])]
    count = len(columns[0])
    if options.method != "query":
        wanted = count * (1 + options.resolved_hard_negatives)
        evenly = texts[:: max(1, len(texts) // wanted)][:wanted]
        columns += [list(evenly[i : i + count]) for i in range(0, len(evenly), count)]
    features = [
        {
            key: value.to(model.device) if isinstance(value, torch.Tensor) else value
            for key, value in model.preprocess(column).items()
        }
        for column in columns
    ]

    halves = machine.device == "cpu" and bf16_pays()

    def step() -> None:
        with halved(halves):
            sides = [normalize(model(dict(part))["sentence_embedding"]) for part in features]
        scores = 20 * sides[0] @ torch.cat(sides[1:] or sides).T
        right = torch.arange(len(scores), device=scores.device)
        loss = cross_entropy(scores.float(), right)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.zero_grad()
        if scores.is_cuda:
            torch.cuda.synchronize()

    with _saved_bytes() as saved:
        step()
    seconds = _median_s(step)
    size = sum(p.numel() * p.element_size() for p in model.parameters()) / MB
    trained_size = sum(p.numel() * p.element_size() for p in trained) / MB
    return StepCost(seconds / count, saved() / MB / count, size, trained_size)


def _median_s(step: Callable[[], None]) -> float:
    times = []
    for _ in range(PROBE_STEPS):
        started = time.perf_counter()
        step()
        times.append(time.perf_counter() - started)
    return float(np.median(times))


@contextmanager
def _saved_bytes() -> Iterator[Callable[[], int]]:
    """Counts what autograd keeps for the backward pass: what a larger batch needs more of."""
    from torch.autograd.graph import saved_tensors_hooks

    storages: dict[int, int] = {}

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        yield lambda: sum(storages.values())


def _adapter_s(windows: int, dimension: int) -> float:
    """Seconds for a pair in one round: its scores against every window, both ways."""
    import torch

    left = torch.rand(32, dimension, requires_grad=True)
    right = torch.rand(windows, dimension)

    def step() -> None:
        torch.logsumexp(left @ right.T, dim=1).sum().backward()  # type: ignore[no-untyped-call]

    step()
    # The layers' own products and the optimiser are of the same order.
    return 2 * _median_s(step) / 32


def _size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / MB
