"""
Estimates what a run takes on this machine, by method, from a few measured steps, and whether it is
worth it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.embedder.batches import Watched
from pipelines.embedder.local import LocalEncoder
from pipelines.progress import NO_TASK, Progress, Task
from pipelines.text.windows import cut
from training.finetune.costs import (
    FEW_PAIRS,
    MOST_WINDOWS,
    Amount,
    MethodCost,
    Speed,
    StepCost,
    costs,
    recommend,
)
from training.finetune.heldout import HIT, figures
from training.finetune.launch import Machine
from training.finetune.options import METHODS, Method, TrainOptions
from training.pairs.material import Material
from training.pairs.question import Question

# Pairs in a measured step, and steps that count (one more goes before them).
PROBE_PAIRS = 8
PROBE_STEPS = 2
PROBE_WINDOWS = 64
# Windows that the adapter's step is measured on; it grows with them.
ADAPTER_WINDOWS = 4096
MB = 1e6
FEW_HELDOUT = 30
NEARLY_ALL = 0.98
# A method's few steps take about as long as embedding so many windows.
STEPS_AS_WINDOWS = 100


@dataclass(frozen=True)
class Preflight:
    """
    Costs by method, the method to take, and why, with warnings if something speaks against
    training.
    """

    methods: list[MethodCost]
    recommended: Method
    reason: str
    base_hit: float | None
    warnings: list[str]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def probe(
    base: Path,
    found: Material,
    options: TrainOptions,
    machine: Machine,
    task: Task = NO_TASK,
) -> tuple[Preflight, Speed]:
    """
    Measure a few steps of every method and tell what the whole would take.

    :param base: Folder of the base model.
    :param task: Told how far that is and how long the rest takes.
    :raises Stopped: The task was asked to stop.
    """
    encoder = LocalEncoder(base, device=machine.device, threads=machine.threads)
    texts, owner = _windows(encoder, found.corpus, options)
    placed = min(len(texts), MOST_WINDOWS) if found.heldout else 0
    steps = STEPS_AS_WINDOWS * len(METHODS)
    task.check()
    task.tell(Progress("measuring", 0, placed + steps))
    window_s = seconds_per_window(encoder, texts)

    def tell(done: int) -> None:
        left = (placed + steps - done) * window_s or None
        task.tell(Progress("measuring", done, placed + steps, eta_s=left))

    base_hit = _base_hit(
        encoder, found, texts, owner, task.telling(lambda told: tell(min(told.done, placed)))
    )
    speed = measure(
        base,
        encoder,
        texts,
        [q.text for q in found.train],
        options,
        machine,
        window_s=window_s,
        task=task.telling(lambda told: tell(placed + STEPS_AS_WINDOWS * told.done)),
    )
    pairs = sum(len(q.passages) for q in found.train)
    amount = Amount(len(texts), pairs, len(found.train))
    listed = costs(speed, amount, options, machine.processes)
    recommended, reason = recommend(listed, pairs)
    warnings = few_pairs(found)
    if base_hit is not None and base_hit >= NEARLY_ALL:
        warnings.append(
            f"the base model finds {base_hit:.0%} of the held-out questions' passages in its first"
            f" five of the nearest ones: little is left to gain"
        )
    return Preflight(listed, recommended, reason, base_hit, warnings), speed


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


def few_pairs(found: Material) -> list[str]:
    """What the number of questions does not allow."""
    warnings = []
    if len(found.train) < FEW_PAIRS:
        warnings.append(f"{len(found.train)} pairs are few; a gain is unlikely to show")
    if not found.heldout:
        warnings.append("no question is set aside: training cannot tell when to stop")
    elif len(found.heldout) < FEW_HELDOUT:
        warnings.append(
            f"{len(found.heldout)} questions set aside are few: training may stop at the wrong moment"
        )
    return warnings


def _windows(
    encoder: LocalEncoder, corpus: dict[str, str], options: TrainOptions
) -> tuple[list[str], list[str]]:
    """Every window's text and its passage's id."""
    texts, owner = [], []
    offsets = encoder.token_offsets(list(corpus.values()))
    for (name, text), tokens in zip(corpus.items(), offsets, strict=True):
        for start, end in cut(tokens, options.size_tokens, options.stride_tokens):
            texts.append(text[start:end])
            owner.append(name)
    return texts, owner


def seconds_per_window(encoder: LocalEncoder, texts: Sequence[str]) -> float:
    """What embedding a window takes, at many of them."""
    sample = texts[:: max(1, len(texts) // PROBE_WINDOWS)][:PROBE_WINDOWS]
    encoder.encode_documents(sample[:4])
    started = time.perf_counter()
    encoder.encode_documents(sample)
    return (time.perf_counter() - started) / len(sample)


def _base_hit(
    encoder: LocalEncoder,
    found: Material,
    texts: list[str],
    owner: list[str],
    task: Task,
) -> float | None:
    """
    Hit rate@5 of the base model among the passages of held-out questions, or None without such.
    """
    asked: list[Question] = found.heldout[:FEW_HELDOUT]
    right = {p for q in asked for p in q.passages}
    chosen = [i for i, name in enumerate(owner) if name in right]
    chosen += [i for i, name in enumerate(owner) if name not in right]
    chosen = chosen[:MOST_WINDOWS]
    if not asked:
        return None
    place = {name: i for i, name in enumerate(found.corpus)}
    gold = [np.array([place[p] for p in q.passages]) for q in asked]
    passage = np.array([place[owner[i]] for i in chosen])
    questions = encoder.encode_queries([q.text for q in asked])
    windows = Watched(encoder, task).encode_documents([texts[i] for i in chosen])
    return figures(questions @ windows.T, passage, gold)[HIT]


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
    if options.method != "query":
        columns.append(list(texts[:: max(1, len(texts) // PROBE_PAIRS)][: len(columns[0])]))
    features = [
        {
            key: value.to(model.device) if isinstance(value, torch.Tensor) else value
            for key, value in model.preprocess(column).items()
        }
        for column in columns
    ]

    def step() -> None:
        sides = [normalize(model(dict(part))["sentence_embedding"]) for part in features]
        scores = 20 * sides[0] @ sides[-1].T
        loss = cross_entropy(scores, torch.arange(len(scores), device=scores.device))
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
    count = len(columns[0])
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
