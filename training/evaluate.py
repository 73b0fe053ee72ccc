"""
Models side by side on questions that none was trained on.

For each model the whole retrieval as users have it, its windows alone, and whole passages as
published figures measure them; BM25 alone beside all. Differences come with an interval.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.embedding import OnTexts, Watched
from pipelines.encoder import Encoder
from pipelines.errors import InputError
from pipelines.progress import Stop, never
from pipelines.store.scratch import scratch_database
from training import dataset as datasets
from training import metrics, rankings, statistics
from training.comparison import (
    BM25,
    Comparison,
    General,
    ModelFacts,
    ModelVerdict,
    QuestionResult,
    Report,
    Result,
    System,
    system_name,
    verdict_of,
)
from training.dataset import Dataset
from training.metrics import COMPARED
from training.paid import PaidEncoder, dollars
from training.rankings import Mode, Rankings, Rules, Timings

SHOWN = 5
# As reports list them.
ORDER: tuple[Mode, ...] = ("words", "hybrid", "windows", "whole")
# What is being done, for a person: model and step.
OnStep = Callable[[str, str], None]


@dataclass(frozen=True)
class Candidate:
    """
    A model to evaluate. `identity` is the sha256 of its files' manifest, or ``openai:NAME``.

    `load` is called when its turn comes, so that one model at a time is in memory.
    """

    name: str
    identity: str
    kind: str
    rules: Rules
    load: Callable[[], Encoder] = field(repr=False)
    size_bytes: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    # Digests (`metrics.fingerprint`) of the questions it was trained on, where known.
    trained_on: Collection[str] = frozenset()


@dataclass(frozen=True)
class _Measured:
    """A system's rankings and what they are worth."""

    system: System
    rankings: Rankings
    values: dict[str, list[float]]


def evaluate(
    dsn: str,
    dataset: Dataset,
    candidates: Sequence[Candidate],
    *,
    beside: Mapping[str, tuple[str, float]] | None = None,
    on_step: OnStep = lambda model, step: None,
    on_texts: OnTexts = lambda done, total: None,
    stop: Stop = never,
) -> Report:
    """
    Compare models on a dataset; the first one is the reference.

    :param dsn: Of the main database: scratch databases are made beside it and dropped.
    :param beside: Figures from elsewhere to show: name to measure and value.
    :param on_texts: Told of texts embedded, while a step embeds.
    :raises Stopped: `stop` said so; nothing is left behind.
    :raises InputError: Two models have one name, or a model was trained on these questions.
    """
    names = [candidate.name for candidate in candidates]
    if len(set(names)) < len(names):
        raise InputError(f"Two of the models have the same name: {', '.join(names)}.")
    _refuse_trained_on(dataset, candidates)
    started = time.perf_counter()
    cluster = statistics.clusters([dataset.relevant[q] for q in dataset.queries])
    general = datasets.general()
    general_values: dict[str, dict[str, list[float]]] = {}
    measured: dict[str, _Measured] = {}
    facts = []
    for candidate in candidates:
        on_step(candidate.name, "loading")
        encoder = candidate.load()
        watched = Watched(encoder, on_texts, stop)
        try:
            found, timings = _rankings(
                dsn,
                candidate,
                watched,
                dataset,
                on_step,
                stop,
                words=BM25 not in measured,
                # A question to a provider is paid for, and waits for the network.
                time_questions=not isinstance(encoder, PaidEncoder),
            )
            on_step(candidate.name, "general questions")
            ranked = rankings.by_whole_passages(watched, general)
            general_values[candidate.name] = metrics.per_question(ranked, general.relevant)
            facts.append(_facts(candidate, encoder, timings))
        finally:
            if isinstance(encoder, PaidEncoder):
                encoder.close()
        on_step(candidate.name, "figures")
        for mode in ORDER:
            if mode not in found:
                continue
            one = _measure(candidate.name, mode, found[mode], dataset, cluster)
            measured[one.system.name] = one
    comparisons = _comparisons(names, measured, cluster)
    return Report(
        dataset=datasets.facts(dataset),
        models=tuple(facts),
        systems=tuple(one.system for one in measured.values()),
        comparisons=tuple(comparisons),
        verdicts=tuple(_verdicts(names, comparisons)),
        general=_general(general, names, general_values),
        beside={name: (measure, value) for name, (measure, value) in (beside or {}).items()},
        questions=tuple(_questions(dataset, measured)),
        seconds=time.perf_counter() - started,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _refuse_trained_on(dataset: Dataset, candidates: Sequence[Candidate]) -> None:
    asked = {metrics.fingerprint(question) for question in dataset.queries.values()}
    for candidate in candidates:
        if seen := asked.intersection(candidate.trained_on):
            raise InputError(
                f"{candidate.name} was trained on {len(seen)} of the {len(asked)} questions of"
                f" {dataset.name}; figures on them would say nothing. Use held-out questions."
            )


def _rankings(
    dsn: str,
    candidate: Candidate,
    encoder: Encoder,
    dataset: Dataset,
    on_step: OnStep,
    stop: Stop,
    *,
    words: bool,
    time_questions: bool,
) -> tuple[dict[Mode, Rankings], Timings]:
    modes: list[Mode] = ["windows", "hybrid"]
    if words:
        modes.insert(0, "words")
    with scratch_database(dsn) as pool, pool.connection() as conn:
        found, timings = rankings.by_search(
            conn,
            encoder,
            dataset,
            candidate.rules,
            modes,
            on_step=lambda step: on_step(candidate.name, step),
            time_questions=time_questions,
            stop=stop,
        )
    on_step(candidate.name, "whole passages")
    found["whole"] = rankings.by_whole_passages(encoder, dataset)
    return found, timings


def _measure(
    model: str, mode: Mode, ranking: Rankings, dataset: Dataset, cluster: NDArray[np.int64]
) -> _Measured:
    values = metrics.per_question(ranking, dataset.relevant)
    clear = [q not in dataset.leaning for q in dataset.queries]
    system = System(
        name=system_name(model, mode),
        model=None if mode == "words" else model,
        mode=mode,
        figures=metrics.averages(values, [True] * len(clear)),
        without_leaning=metrics.averages(values, clear),
        intervals={name: statistics.interval(values[name], cluster) for name in COMPARED},
    )
    return _Measured(system, ranking, values)


def _comparisons(
    names: Sequence[str], measured: Mapping[str, _Measured], cluster: NDArray[np.int64]
) -> list[Comparison]:
    """Each model against the first, mode by mode; and each model against BM25 alone."""
    modes: tuple[Mode, ...] = ("hybrid", "windows", "whole")
    pairs = [
        (system_name(name, mode), system_name(names[0], mode))
        for name in names[1:]
        for mode in modes
    ]
    pairs += [(system_name(name, mode), BM25) for name in names for mode in modes[:2]]
    return [
        Comparison(
            candidate,
            reference,
            measure,
            statistics.compare(
                measured[candidate].values[measure], measured[reference].values[measure], cluster
            ),
        )
        for candidate, reference in pairs
        for measure in COMPARED
    ]


def _verdicts(names: Sequence[str], comparisons: Sequence[Comparison]) -> list[ModelVerdict]:
    return [verdict_of(name, names[0], comparisons) for name in names[1:]]


def _general(
    dataset: Dataset, names: Sequence[str], values: Mapping[str, Mapping[str, list[float]]]
) -> General:
    cluster = statistics.clusters([dataset.relevant[q] for q in dataset.queries])
    everything = [True] * len(dataset.queries)
    return General(
        dataset=datasets.facts(dataset),
        figures={name: metrics.averages(values[name], everything) for name in names},
        differences={
            name: statistics.compare(
                values[name][COMPARED[0]], values[names[0]][COMPARED[0]], cluster
            )
            for name in names[1:]
        },
    )


def _facts(candidate: Candidate, encoder: Encoder, timings: Timings) -> ModelFacts:
    paid = encoder if isinstance(encoder, PaidEncoder) else None
    return ModelFacts(
        name=candidate.name,
        identity=candidate.identity,
        kind=candidate.kind,
        dimension=encoder.dimension,
        size_mb=round(candidate.size_bytes / 1e6, 1),
        rules=candidate.rules,
        timings=timings,
        tokens_paid=paid.tokens_used if paid else None,
        dollars=dollars(paid.model, paid.tokens_used) if paid else None,
        texts_from_cache=paid.texts_from_cache if paid else 0,
        settings=dict(candidate.settings),
    )


def _questions(dataset: Dataset, measured: Mapping[str, _Measured]) -> list[QuestionResult]:
    return [
        QuestionResult(
            id=name,
            question=question,
            leans_on_context=name in dataset.leaning,
            relevant=tuple(dataset.relevant[name]),
            results={
                one.system.name: Result(
                    metrics.rank_of(one.rankings.get(name, ()), dataset.relevant[name]),
                    tuple(one.rankings.get(name, ())[:SHOWN]),
                )
                for one in measured.values()
            },
        )
        for name, question in dataset.queries.items()
    ]
