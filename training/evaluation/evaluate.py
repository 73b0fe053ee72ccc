"""
Compares models on questions that none of them was trained on.

Each model is measured with the hybrid search that users have, with its windows alone, and on whole
passages as published figures are. Plain BM25 and the words of the search alone are measured once.
Differences have an interval.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.errors import InputError
from pipelines.progress import NO_TASK, Task
from training.evaluation import dataset as datasets
from training.evaluation import metrics
from training.evaluation import stages as stages_of
from training.evaluation.dataset import Dataset
from training.evaluation.examine import Candidate, Examined
from training.evaluation.figures import statistics
from training.evaluation.figures.comparison import (
    BM25,
    WITHOUT_MODEL,
    WORDS,
    Comparison,
    EvaluationReport,
    General,
    ModelVerdict,
    QuestionResult,
    Result,
    System,
    system_name,
    verdict_of,
)
from training.evaluation.meter import ComparisonMeter
from training.evaluation.metrics import COMPARED
from training.evaluation.rankings import Mode, Rankings
from training.evaluation.stages import Stages
from training.pairs import clusters

SHOWN = 5
# Order in reports.
ORDER: tuple[Mode, ...] = ("bm25", "words", "hybrid", "windows", "whole")


@dataclass(frozen=True)
class _Measured:
    """A system's rankings with its measures per question."""

    system: System
    rankings: Rankings
    values: dict[str, list[float]]


def evaluate(
    dsn: str,
    dataset: Dataset,
    candidates: Sequence[Candidate],
    *,
    beside: Mapping[str, tuple[str, float]] | None = None,
    whole: bool = False,
    kept: Path | None = None,
    task: Task = NO_TASK,
) -> EvaluationReport:
    """
    Compare models on a dataset. The first one is the reference.

    :param dsn: Of the main database. Scratch databases are created on the same server and dropped.
    :param beside: Figures from elsewhere to show, as name to measure and value.
    :param whole: Rank whole passages by one vector each, too, as published figures do.
    :param kept: Folder for results of finished steps, which are not done again.
    :raises Stopped: The task was asked to stop. Finished steps stay in `kept`.
    :raises InputError: Two models have the same name, or a model was trained on these questions.
    """
    names = [candidate.name for candidate in candidates]
    if len(set(names)) < len(names):
        raise InputError(f"Two of the models have the same name: {', '.join(names)}.")
    _refuse_trained_on(dataset, candidates)
    started = time.perf_counter()
    cluster = clusters.clusters([dataset.relevant[q] for q in dataset.queries])
    general = datasets.general()
    meter = ComparisonMeter(task, names, dataset, general, whole=whole)
    general_values: dict[str, dict[str, list[float]]] = {}
    measured: dict[str, _Measured] = {}
    facts = []
    for candidate in candidates:
        stages = Stages(kept, dataset.sha256, candidate.identity, candidate.rules)
        with Examined(dsn, candidate, dataset, stages, meter) as examined:
            found, timings = examined.search(words=BM25 not in measured)
            if whole:
                found["whole"] = examined.whole()
            ranked = examined.general(general)
            facts.append(examined.facts(timings))
        general_values[candidate.name] = metrics.per_question(ranked, general.relevant)
        meter.begin(candidate.name, "figures")
        for mode in ORDER:
            if mode not in found:
                continue
            one = _measure(candidate.name, mode, found[mode], dataset, cluster)
            measured[one.system.name] = one
    comparisons = _comparisons(names, measured, cluster)
    return EvaluationReport(
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


def forget(kept: Path, report: EvaluationReport) -> None:
    """Remove the kept steps of a stored evaluation, and those of abandoned ones."""
    for model in report.models:
        Stages(kept, report.dataset.sha256, model.identity, model.rules).forget()
    stages_of.forget_old(kept)


def _refuse_trained_on(dataset: Dataset, candidates: Sequence[Candidate]) -> None:
    asked = {metrics.fingerprint(question) for question in dataset.queries.values()}
    for candidate in candidates:
        if seen := asked.intersection(candidate.trained_on):
            raise InputError(
                f"{candidate.name} was trained on {len(seen)} of the {len(asked)} questions of"
                f" {dataset.name}. Figures on them would prove nothing. Use held-out questions."
            )


def _measure(
    model: str, mode: Mode, ranking: Rankings, dataset: Dataset, cluster: NDArray[np.int64]
) -> _Measured:
    values = metrics.per_question(ranking, dataset.relevant)
    clear = [q not in dataset.leaning for q in dataset.queries]
    system = System(
        name=system_name(model, mode),
        model=None if mode in WITHOUT_MODEL else model,
        mode=mode,
        figures=metrics.averages(values, [True] * len(clear)),
        without_leaning=metrics.averages(values, clear),
        intervals={name: statistics.interval(values[name], cluster) for name in COMPARED},
    )
    return _Measured(system, ranking, values)


def _comparisons(
    names: Sequence[str], measured: Mapping[str, _Measured], cluster: NDArray[np.int64]
) -> list[Comparison]:
    """
    Each model against the first, mode by mode. Then each model's whole search against either side
    of it alone and against BM25, and its vectors against BM25.
    """
    modes: tuple[Mode, ...] = ("hybrid", "windows", "whole")
    pairs = [
        (system_name(name, mode), system_name(names[0], mode))
        for name in names[1:]
        for mode in modes
    ]
    for name in names:
        whole, vectors = system_name(name, "hybrid"), system_name(name, "windows")
        pairs += [(whole, vectors), (whole, WORDS), (whole, BM25), (vectors, BM25)]
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
        if candidate in measured and reference in measured
        for measure in COMPARED
    ]


def _verdicts(names: Sequence[str], comparisons: Sequence[Comparison]) -> list[ModelVerdict]:
    return [verdict_of(name, names[0], comparisons) for name in names[1:]]


def _general(
    dataset: Dataset, names: Sequence[str], values: Mapping[str, Mapping[str, list[float]]]
) -> General:
    cluster = clusters.clusters([dataset.relevant[q] for q in dataset.queries])
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
