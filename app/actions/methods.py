"""
Which method to train with on a machine, and how long each takes there.

Commands, pages and jobs get the same answer. A machine is measured once. After that, estimates
follow from what there is to train on.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.services import Services
from pipelines.embedder import loading, registry
from pipelines.errors import InputError
from pipelines.progress import NO_TASK, Task
from pipelines.store import active, gaps, models, pair_passages, pairs, scope, speeds
from pipelines.store.db import Connection
from pipelines.store.models import Model
from pipelines.text.windows import cut
from training.finetune.costs import FEW_PAIRS, Amount, MethodCost, Speed, costs, duration, recommend
from training.finetune.launch import Machine
from training.finetune.options import LABELS, Method, TrainOptions
from training.pairs import stored
from training.pairs.material import Material

# Share of a side's pairs that are trained on. The others are validation questions.
TRAINED = 0.9
# Passages whose windows are embedded to measure the machine.
SAMPLED = 100
QUESTION_WORDS = 10
# Characters from one window to the next, about.
WINDOW_CHARS = 400


@dataclass(frozen=True)
class MethodChoice:
    """
    The method to take, and why.

    :param base: The version to start from.
    :param listed: What each method takes. Empty if the machine was not measured.
    """

    method: Method
    reason: str
    base: str
    listed: tuple[MethodCost, ...]

    def minutes(self, method: Method) -> float | None:
        """How long a method takes, or None if that is not known."""
        return next((cost.minutes for cost in self.listed if cost.method == method), None)

    def sentence(self, method: Method | None = None) -> str:
        """
        How long a run takes, and how long a more thorough one would.

        :param method: The method of the run. Without it, the recommended one.
        """
        method = method or self.method
        minutes, full = self.minutes(method), self.minutes("full")
        if minutes is None or full is None:
            return f"{LABELS[method]}: how long it takes here is not measured yet."
        said = f"About {duration(minutes)} with {LABELS[method]}"
        if method == "full":
            return f"{said}."
        return f"{said}; {LABELS['full']} would take about {duration(full)}."


def machine(services: Services, processes: int = 1) -> Machine:
    """What a run in this process may use."""
    import torch

    device = services.settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
    return Machine(device, processes, services.settings.threads)


def workers_machine(services: Services) -> Machine:
    """What a run in a worker on this machine may use."""
    threads = services.settings.worker_threads or max(1, (os.cpu_count() or 2) // 2)
    return replace(machine(services), threads=threads)


def starting_point(conn: Connection) -> Model:
    """
    The model that new versions are trained from: the base of the one that serves. All pairs are
    there, so each version learns all of them from the start.

    :raises InputError: It has no files to train.
    """
    model = active.serving(conn).model
    while model.parent_id is not None and (parent := models.get(conn, model.parent_id)) is not None:
        model = parent
    if model.kind == "openai":
        raise InputError(
            f"{model.name} is an API, {model.base}; only models with files can be trained."
        )
    return model


def amount(conn: Connection, *, more_pairs: int = 0) -> Amount:
    """
    What a run on all stored pairs trains on, about.

    :param more_pairs: That will be there by then.
    """
    found = sum(side.train for side in pairs.sides(conn)) + more_pairs
    windows = gaps.count_windows(conn, active.serving(conn).index.rule_id)
    passages = pair_passages.count_passages(conn)
    share = min(1.0, stored.MOST_PASSAGES / max(1, passages))
    trained = round(TRAINED * found)
    return Amount(round(share * windows), trained, trained)


def amount_of(found: Material) -> Amount:
    """The same of what a file brings."""
    windows = sum(max(1, len(text) // WINDOW_CHARS) for text in found.corpus.values())
    trained = sum(len(question.passages) for question in found.train)
    return Amount(windows, trained, len(found.train))


def known(
    conn: Connection,
    with_what: Machine,
    *,
    base: Model | None = None,
    more_pairs: int = 0,
    found: Material | None = None,
) -> MethodChoice:
    """
    Recommend a method by what is known. Cheap.

    :param base: The version to start from. Without it, `starting_point`.
    :param found: What to train on. Without it, all stored pairs.
    """
    base = base or starting_point(conn)
    there = amount(conn, more_pairs=more_pairs) if found is None else amount_of(found)
    speed = speeds.get(conn, base.base, key(with_what))
    if speed is None:
        few = there.pairs < FEW_PAIRS
        reason = f"{there.pairs} pairs are few." if few else "This machine was not measured yet."
        return MethodChoice("adapter", reason, base.name, ())
    listed = costs(Speed.from_json(speed), there, TrainOptions(), with_what.processes)
    return MethodChoice(*recommend(listed, there.pairs), base.name, tuple(listed))


def advise(
    services: Services,
    with_what: Machine,
    base: str,
    method: Method | None,
    found: Material | None,
) -> MethodChoice:
    """
    The method to train a version with, and how long it takes. The machine is measured only if that
    decides.

    :param method: The one that was asked for. Without it, the recommended one.
    :param found: What to train on. Without it, all stored pairs.
    """
    with services.pool.connection() as conn:
        model = registry.find(conn, base)
        choice = known(conn, with_what, base=model, found=found)
    if method is None:
        return choose(services, with_what, base=model, found=found)
    return replace(choice, method=method)


def choose(
    services: Services,
    with_what: Machine,
    *,
    base: Model | None = None,
    found: Material | None = None,
    task: Task = NO_TASK,
) -> MethodChoice:
    """
    Recommend a method. Measure the machine first if that is missing, which takes some seconds.

    :param base: The version to start from. Without it, `starting_point`.
    :param found: What to train on. Without it, all stored pairs.
    :raises InputError: There is no text to measure with, or the model cannot be trained.
    """
    with services.pool.connection() as conn:
        base = base or starting_point(conn)
        lacking = speeds.get(conn, base.base, key(with_what)) is None
    if lacking:
        texts = list(found.corpus.values())[:SAMPLED] if found is not None else []
        measure(services, base, with_what, texts, task)
    with services.pool.connection() as conn:
        return known(conn, with_what, base=base, found=found)


def measure(
    services: Services,
    base: Model,
    with_what: Machine,
    texts: Sequence[str] = (),
    task: Task = NO_TASK,
) -> None:
    """
    Measure how fast this machine trains a model, and store it. Takes some seconds.

    :param texts: Passages to measure with. Without them, some of the documents.
    :raises InputError: There is no text to measure with, or the model cannot be trained.
    """
    from pipelines.embedder.local import LocalEncoder
    from training.finetune import measuring  # which loads torch

    with services.pool.connection() as conn:
        texts = texts or pair_passages.sample_texts(conn, SAMPLED)
    if not texts:
        raise InputError("There is no document to measure with: ingest some first.")

    folder = loading.model_folder(base, services.options.models)
    encoder = LocalEncoder(folder, device=with_what.device, threads=with_what.threads)
    settings = services.settings
    speed = measuring.measure(
        folder,
        encoder,
        _windows(encoder, texts, settings.window_tokens, settings.window_stride),
        [" ".join(text.split()[:QUESTION_WORDS]) for text in texts],
        TrainOptions(),
        with_what,
        task=task,
    )
    keep(services, base, with_what, speed)


def keep(services: Services, base: Model, with_what: Machine, speed: Speed) -> None:
    """Remember how fast a machine trains a model."""
    with services.pool.connection() as conn:
        speeds.put(conn, base.base, key(with_what), speed.as_json())


def lacking(services: Services) -> bool:
    """Whether people's documents are there, and a worker on this machine was never measured."""
    with services.pool.connection() as conn:
        try:
            base = starting_point(conn)
        except InputError:
            return False
        with_what = workers_machine(services)
        own = scope.readable(conn) not in ([], [scope.HANDBOOK])
        return own and speeds.get(conn, base.base, key(with_what)) is None


def key(with_what: Machine) -> str:
    """What tells machines apart that train at different speed."""
    cores = os.cpu_count() or 1
    return f"{with_what.device}, {with_what.threads or cores} of {cores} threads"


def _windows(encoder: Any, texts: Sequence[str], size: int, stride: int) -> list[str]:
    return [
        text[start:end]
        for text, tokens in zip(texts, encoder.token_offsets(list(texts)), strict=True)
        for start, end in cut(tokens, size, stride)
    ]
