"""`attune evaluate`: models side by side on held-out questions, with proof or without."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from app.wiring import Services
    from pipelines.store.ids import EvaluationId
    from training.comparison import Report
    from training.dataset import Dataset

COLOUR = {"better": "green", "worse": "red", "no proof yet": "yellow"}


def evaluate(
    dataset: Annotated[
        str,
        typer.Option(
            help="corpus: the held-out stored pairs; or a JSON or CSV file of questions and passages."
        ),
    ] = "corpus",
    models: Annotated[
        str,
        typer.Option(help="Versions, folders, hub ids or openai:NAME; the first is the reference."),
    ] = "base",
    beside: Annotated[
        list[str] | None,
        typer.Option(help="A figure from elsewhere to show: NAME=VALUE or NAME:mrr@10=VALUE."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for report.html and .json.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Compare models on questions that none of them was trained on.

    Shows hit rate, MRR, NDCG, MAP and recall of the whole retrieval, of vectors alone and of
    BM25 alone, and whether the differences are more than chance. Nothing that serves changes.
    """
    from app.cli.common import emit_json, services
    from training import stored
    from training.dataset import of_file

    given = dict(_beside(text) for text in beside or [])
    names = [name.strip() for name in models.split(",") if name.strip()]
    # A file is looked at before anything starts.
    chosen = None if dataset == "corpus" else of_file(Path(dataset))
    with services() as opened:
        if chosen is None:
            with opened.pool.connection() as conn:
                chosen = stored.dataset(conn)
        report = _run(opened, chosen, names, given)
        evaluation_id, paths = _keep(opened, report, chosen, out)
    if as_json:
        from training.report import figures

        emit_json(
            {"id": evaluation_id, **figures(report), "report": paths[0], "report_json": paths[1]}
        )
        return
    _print(report)
    typer.echo(f"\n{report.verdict}\nReport: {paths[0]}")


def _beside(text: str) -> tuple[str, tuple[str, float]]:
    from pipelines.errors import InputError
    from training.metrics import MEASURES

    name, _, value = text.rpartition("=")
    name, _, measure = name.rpartition(":") if ":" in name else (name, "", "hit@5")
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not name or measure not in MEASURES or not 0 <= number <= 1:
        raise InputError(
            f"--beside {text!r}: NAME=VALUE or NAME:MEASURE=VALUE is expected, with a value from 0"
            f" to 1 and one of {', '.join(MEASURES)}."
        )
    return name, (measure, number)


def _run(
    opened: Services, dataset: Dataset, names: list[str], beside: dict[str, tuple[str, float]]
) -> Report:
    from rich.console import Console

    from training.candidates import Surroundings, resolve
    from training.evaluate import evaluate as compare
    from training.rankings import Rules
    from training.run import Folders

    settings = opened.settings
    around = Surroundings(
        Rules(settings.window_tokens, settings.window_stride, settings.lexical_weight),
        opened.options,
        Folders.under(settings.home),
    )
    with opened.pool.connection() as conn:
        candidates = [resolve(conn, name, around) for name in names]
    with Console(stderr=True).status("preparing") as status:
        return compare(
            opened.dsn,
            dataset,
            candidates,
            beside=beside,
            on_step=lambda model, step: status.update(f"{model}: {step}"),
        )


def _keep(
    opened: Services, report: Report, dataset: Dataset, out: Path | None
) -> tuple[EvaluationId, tuple[Path, Path]]:
    from training import report as reports

    with opened.pool.connection() as conn:
        evaluation_id = reports.store(conn, report)
    folder = out or opened.settings.home / "evaluations" / str(evaluation_id)
    return evaluation_id, reports.write(folder, report, dataset)


def _print(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    from training.card import SHOWN, label

    console = Console()
    facts = report.dataset
    console.print(
        f"[bold]{facts.name}[/]  {facts.questions} questions, {facts.passages} passages;"
        f" {facts.leaning} lean on their passage"
    )
    table = Table("system", *(label(name) for name in SHOWN), box=None)
    for system in report.systems:
        table.add_row(system.name, *(f"{system.figures[name]:.3f}" for name in SHOWN))
    for name, (measure, value) in report.beside.items():
        row: list[Any] = [f"{value:.3f}" if shown == measure else "" for shown in SHOWN]
        table.add_row(f"{name} (given)", *row, style="dim")
    console.print(table)
    for model in report.models:
        if model.tokens_paid is not None:
            cost = "price not known" if model.dollars is None else f"${model.dollars:.4f}"
            console.print(
                f"{model.name}: {model.tokens_paid:,} tokens, {cost};"
                f" {model.texts_from_cache:,} texts from the cache"
            )
    for verdict in report.verdicts:
        console.print(f"{verdict.model}: [{COLOUR[verdict.outcome]}]{verdict.outcome}[/]")
