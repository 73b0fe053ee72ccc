"""Models compared on held-out questions, and the report of it stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from app.services import Services
from pipelines.progress import NO_TASK, Task
from pipelines.store import pairs
from pipelines.store.db import Connection
from pipelines.store.ids import EvaluationId
from pipelines.store.models import Model
from training.evaluation import made, stored_dataset
from training.evaluation.candidates import Surroundings, check_name, identity, resolve
from training.evaluation.dataset import Dataset, of_file
from training.evaluation.evaluate import evaluate as compare
from training.evaluation.evaluate import forget
from training.evaluation.figures import report as reports
from training.evaluation.figures import stored_report
from training.evaluation.figures.comparison import EvaluationReport
from training.evaluation.rankings import Rules

# The name of the held-out pairs where a file could be given.
CORPUS = "corpus"


def dataset(services: Services, name: str) -> Dataset:
    """
    Questions to judge on: ``corpus`` for the held-out pairs, or a file.

    :raises InputError: There are none, or the file cannot be used.
    """
    if name != CORPUS:
        return of_file(Path(name))
    with services.pool.connection() as conn:
        return stored_dataset.dataset(conn)


def has_corpus(services: Services) -> bool:
    """Whether held-out pairs are stored."""
    with services.pool.connection() as conn:
        return any(side.heldout for side in pairs.sides(conn))


def check_names(services: Services, names: Sequence[str]) -> None:
    """
    Refuse names that `evaluate` could not be given, before anything is computed.

    :raises InputError: One of them is neither a version, a folder, nor a model elsewhere.
    """
    with services.pool.connection() as conn:
        for name in names:
            check_name(conn, name)


def evaluate(
    services: Services,
    chosen: Dataset,
    names: Sequence[str],
    *,
    beside: Mapping[str, tuple[str, float]] | None = None,
    whole: bool = False,
    to_build: str = "",
    task: Task = NO_TASK,
) -> EvaluationReport:
    """
    Compare models on a dataset. The first model is the reference.

    The report is not stored: see `keep`. An evaluation that was interrupted continues.

    :param whole: Rank whole passages by one vector each, too, as published figures do.
    :param to_build: A version that will be built if it is better. See `made_of`.
    """
    settings = services.settings
    around = Surroundings(
        Rules(
            settings.window_tokens,
            settings.window_stride,
            settings.lexical_weight,
            services.options.codes,
        ),
        services.options,
        services.folders,
    )
    with services.pool.connection() as conn:
        candidates = [resolve(conn, name, around) for name in names]
    candidates = [
        replace(one, made=made.path_of(_unfinished(services), one.identity))
        if one.name == to_build and one.kind != "openai"
        else one
        for one in candidates
    ]
    return compare(
        services.dsn,
        chosen,
        candidates,
        beside=beside,
        whole=whole,
        kept=_unfinished(services),
        task=task,
    )


def made_of(services: Services, model: Model) -> Path:
    """
    Where an evaluation keeps the vectors of a version's windows, so that its build need not make
    them again.
    """
    return made.path_of(_unfinished(services), identity(model))


def _unfinished(services: Services) -> Path:
    """Where evaluations that were cut off find what they had done."""
    return services.settings.home / "evaluations" / "unfinished"


def keep(
    services: Services,
    report: EvaluationReport,
    chosen: Dataset,
    *,
    who: str = "system",
    out: Path | None = None,
    also: Callable[[Connection, EvaluationId], object] = lambda conn, evaluation_id: None,
) -> tuple[EvaluationId, tuple[Path, Path]]:
    """
    Store an evaluation and write its report. The files exist before anybody can see the evaluation.

    :param also: Called in the same transaction.
    :returns: The evaluation's id, and the paths of the report.
    """
    with services.pool.connection() as conn, conn.transaction():
        evaluation_id = stored_report.store(conn, report, created_by=who)
        also(conn, evaluation_id)
        folder = out or services.settings.home / "evaluations" / str(evaluation_id)
        written = reports.write(folder, report, chosen)
    forget(_unfinished(services), report)
    return evaluation_id, written
