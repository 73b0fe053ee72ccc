"""
What a run will take on this machine, by method, from a few measured steps; and whether it is worth it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.encoder import LocalEncoder
from pipelines.windows import cut
from training.heldout import HIT, MOST_WINDOWS, figures
from training.launch import Machine
from training.options import METHODS, Method, TrainOptions
from training.run import Material
from training.rundir import Question

# Pairs in a measured step, and steps that count (one more goes before them).
PROBE_PAIRS = 8
PROBE_STEPS = 2
PROBE_WINDOWS = 64
# Starting two processes that import torch.
START_S = 15.0
MB = 1e6
# Interpreter, torch and the tokenizer, before any weights.
RUNTIME_MB = 700
# Longer than this a person would rather have less gain sooner.
PATIENCE_MINUTES = 60
FEW_PAIRS = 100
FEW_HELDOUT = 30
NEARLY_ALL = 0.98
SERVING: dict[Method, str] = {
    "full": "every window is embedded again",
    "lora": "every window is embedded again",
    "query": "stored vectors stay",
    "adapter": "every window is embedded again; with questions only, stored vectors stay",
}


@dataclass(frozen=True)
class MethodCost:
    """What one method takes."""

    method: Method
    minutes: float
    memory_mb: float
    disk_mb: float
    serving: str


@dataclass(frozen=True)
class Preflight:
    """Costs by method, the method to take, and why; what speaks against training at all."""

    methods: list[MethodCost]
    recommended: Method
    reason: str
    base_hit: float | None
    warnings: list[str]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class _Step:
    seconds_per_pair: float
    saved_mb_per_pair: float
    weights_mb: float
    trained_mb: float


def probe(
    base: Path,
    found: Material,
    options: TrainOptions,
    machine: Machine,
    on_step: Callable[[str], None] = lambda _: None,
) -> Preflight:
    """
    Measure a few steps of every method and tell what the whole would take.

    :param base: Folder of the base model.
    :param on_step: Told what is measured next.
    """
    on_step("embedding")
    encoder = LocalEncoder(base, device=machine.device, threads=machine.threads)
    texts, owner = _windows(encoder, found.corpus, options)
    per_window = _seconds_per_window(encoder, texts)
    base_hit = _base_hit(encoder, found, texts, owner)
    pairs = sum(len(q.passages) for q in found.train)
    embedding_s = per_window * (len(texts) + len(found.train))
    store_mb = len(texts) * encoder.dimension * 4 / MB
    costs = []
    for method in METHODS:
        on_step(method)
        chosen = replace(
            options,
            method=method,
            epochs=options.epochs if method == options.method else None,
            learning_rate=None,
            freeze_layers=options.freeze_layers if method == "full" else 0,
        )
        if method == "adapter":
            seconds = chosen.resolved_epochs * pairs * _adapter_s(len(texts), encoder.dimension)
            memory, disk = RUNTIME_MB + 3 * store_mb, 2 * _size_mb(base) + store_mb
        else:
            step = _measure(base, found, texts, chosen, machine)
            judged = per_window * (0 if method == "query" else MOST_WINDOWS)
            rounds = chosen.resolved_epochs
            seconds = rounds * (pairs * step.seconds_per_pair / machine.processes + judged)
            at_once = min(options.batch_size, options.mini_batch_size)
            memory = (
                RUNTIME_MB + step.weights_mb + 3 * step.trained_mb
                + at_once * step.saved_mb_per_pair + store_mb
            )  # fmt: skip
            # Two checkpoints and one being written; the model in the run folder and in the store.
            disk = 3 * (step.weights_mb + 2 * step.trained_mb) + 2 * step.weights_mb + store_mb
        minutes = (START_S + embedding_s + seconds) / 60
        costs.append(MethodCost(method, minutes, memory, disk, SERVING[method]))
    recommended, reason = recommend(costs, pairs)
    warnings = few_pairs(found)
    if base_hit is not None and base_hit >= NEARLY_ALL:
        warnings.append(
            f"the base model finds {base_hit:.0%} of the held-out questions' passages in its first"
            f" five of the nearest ones: little is left to gain"
        )
    return Preflight(costs, recommended, reason, base_hit, warnings)


def recommend(costs: list[MethodCost], pairs: int) -> tuple[Method, str]:
    """The method to take on this machine, and why."""
    minutes = {cost.method: cost.minutes for cost in costs}
    if pairs < FEW_PAIRS:
        return "adapter", f"{pairs} pairs are too few to train the encoder itself."
    if minutes["full"] <= PATIENCE_MINUTES:
        return "full", f"the largest gain, in {minutes['full']:.0f} minutes."
    if minutes["query"] <= PATIENCE_MINUTES:
        return "query", f"full would take {minutes['full'] / 60:.1f} hours here."
    return "adapter", f"full would take {minutes['full'] / 60:.1f} hours here."


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


def _seconds_per_window(encoder: LocalEncoder, texts: list[str]) -> float:
    sample = texts[:: max(1, len(texts) // PROBE_WINDOWS)][:PROBE_WINDOWS]
    encoder.encode_documents(sample[:4])
    started = time.perf_counter()
    encoder.encode_documents(sample)
    return (time.perf_counter() - started) / len(sample)


def _base_hit(
    encoder: LocalEncoder, found: Material, texts: list[str], owner: list[str]
) -> float | None:
    """Hit rate@5 of the base model among the passages of held-out questions; None: none held out."""
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
    windows = encoder.encode_documents([texts[i] for i in chosen])
    return figures(questions @ windows.T, passage, gold)[HIT]


def _measure(
    base: Path, found: Material, texts: list[str], options: TrainOptions, machine: Machine
) -> _Step:
    """A few steps on a batch of questions and windows."""
    import torch
    from torch.nn.functional import cross_entropy, normalize

    from training import networks

    model = networks.load_base(base, machine.device)
    networks.prepare_network(model, options)
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-9)
    columns = [[q.text for q in found.train[:PROBE_PAIRS]]]
    if options.method != "query":
        columns.append(texts[:: max(1, len(texts) // PROBE_PAIRS)][: len(columns[0])])
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
    return _Step(seconds / count, saved() / MB / count, size, trained_size)


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
