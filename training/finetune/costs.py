"""
What training costs by method, from the measured speed of a machine, and the method to take. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from training.finetune.options import LABELS, METHODS, Method, TrainOptions

# Starting two processes that import torch.
START_S = 15.0
# Interpreter, torch and the tokenizer, before any weights.
RUNTIME_MB = 700
# Longer than this a person would rather have less gain sooner.
PATIENCE_MINUTES = 60
FEW_PAIRS = 100
# Windows that a run is judged on, each round: those of the right passages, and the nearest others.
MOST_WINDOWS = 800
SERVING: dict[Method, str] = {
    "full": "every window is embedded again",
    "lora": "every window is embedded again",
    "query": "stored vectors stay",
    "adapter": "every window is embedded again; with questions only, stored vectors stay",
}


@dataclass(frozen=True)
class StepCost:
    """A training step of one method: seconds and memory for a pair, and the size of weights."""

    seconds_per_pair: float
    saved_mb_per_pair: float
    weights_mb: float
    trained_mb: float


@dataclass(frozen=True)
class Speed:
    """
    How fast a machine embeds with a model and trains it.

    :param window_s: Seconds to embed a window.
    :param adapter_s: Seconds for a pair in a round of the adapter, for each window.
    :param steps: Of the methods that train the encoder.
    """

    window_s: float
    adapter_s: float
    dimension: int
    base_mb: float
    steps: Mapping[Method, StepCost]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Speed:
        """The inverse of `as_json`."""
        steps = {method: StepCost(**step) for method, step in value["steps"].items()}
        return cls(**{**value, "steps": steps})


@dataclass(frozen=True)
class Amount:
    """What there is to train on: windows of the passages, pairs, and questions."""

    windows: int
    pairs: int
    questions: int


@dataclass(frozen=True)
class MethodCost:
    """What one method takes."""

    method: Method
    minutes: float
    memory_mb: float
    disk_mb: float
    serving: str


def costs(
    speed: Speed, amount: Amount, options: TrainOptions, processes: int = 1
) -> list[MethodCost]:
    """
    What each method takes.

    :param options: Their epochs count for their own method. Others get what suits them.
    """
    return [_cost(method, speed, amount, _for(method, options), processes) for method in METHODS]


def _for(method: Method, options: TrainOptions) -> TrainOptions:
    if method == options.method:
        return options
    return replace(
        options,
        method=method,
        epochs=None,
        learning_rate=None,
        batch_size=None,
        hard_negatives=None,
    )


def _cost(
    method: Method, speed: Speed, amount: Amount, options: TrainOptions, processes: int
) -> MethodCost:
    # Those that a run is judged on are read once more, by the base.
    again = min(MOST_WINDOWS, amount.windows)
    embedding_s = speed.window_s * (amount.windows + amount.questions + again)
    store_mb = amount.windows * speed.dimension * 4 / 1e6
    rounds = options.resolved_epochs
    if method == "adapter":
        seconds = rounds * amount.pairs * amount.windows * speed.adapter_s
        memory, disk = RUNTIME_MB + 3 * store_mb, 2 * speed.base_mb + store_mb
    else:
        step = speed.steps[method]
        judged = speed.window_s * (0 if method == "query" else min(MOST_WINDOWS, amount.windows))
        seconds = rounds * (amount.pairs * step.seconds_per_pair / processes + judged)
        at_once = min(options.resolved_batch_size, options.mini_batch_size)
        memory = (
            RUNTIME_MB + step.weights_mb + 3 * step.trained_mb
            + at_once * step.saved_mb_per_pair + store_mb
        )  # fmt: skip
        # Two checkpoints and one being written, and the model in the run folder and in the store.
        disk = 3 * (step.weights_mb + 2 * step.trained_mb) + 2 * step.weights_mb + store_mb
    minutes = (START_S + embedding_s + seconds) / 60
    return MethodCost(method, minutes, memory, disk, SERVING[method])


def recommend(costs: Sequence[MethodCost], pairs: int) -> tuple[Method, str]:
    """The method to take on a machine, and why."""
    minutes = {cost.method: cost.minutes for cost in costs}
    if pairs < FEW_PAIRS:
        return "adapter", f"{pairs} pairs are too few to train the encoder itself."
    if minutes["full"] <= PATIENCE_MINUTES:
        return "full", f"it gains most, and takes {duration(minutes['full'])} here."
    slow = f"{LABELS['full']} would take about {duration(minutes['full'])} here."
    if minutes["query"] <= PATIENCE_MINUTES:
        return "query", slow
    return "adapter", slow


def duration(minutes: float) -> str:
    """A time in words."""
    if minutes < 1.5:
        return f"{max(1, round(60 * minutes))} s"
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
