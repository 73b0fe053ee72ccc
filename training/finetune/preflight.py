"""
Estimates what a run takes on this machine, by method, from a few measured steps, and whether it is
worth it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
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
    costs,
    recommend,
)
from training.finetune.heldout import HIT, figures
from training.finetune.launch import Machine
from training.finetune.measuring import measure, seconds_per_window
from training.finetune.options import METHODS, Method, TrainOptions
from training.pairs.material import Material
from training.pairs.question import Question

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


def few_pairs(found: Material) -> list[str]:
    """What the number of questions does not allow."""
    warnings = []
    if len(found.train) < FEW_PAIRS:
        warnings.append(f"{len(found.train)} pairs are few; a gain is unlikely to show")
    if not found.heldout:
        warnings.append("there are no validation questions: training cannot tell when to stop")
    elif len(found.heldout) < FEW_HELDOUT:
        warnings.append(
            f"{len(found.heldout)} validation questions are few: training may stop at the wrong moment"
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
