"""`attune evaluate`: models side by side on held-out questions, with proof or without."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.common import AsJson, Queued

if TYPE_CHECKING:
    from training.evaluation.figures.comparison import EvaluationReport
    from training.evaluation.gate import Verdict

COLOUR = {"promote": "green", "leave": "red", "wait": "yellow", "serves": "default"}


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
    whole: Annotated[
        bool,
        typer.Option(
            "--whole", help="Rank whole passages by one vector each, too, as published figures do."
        ),
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for report.html and .json.")] = None,
    queue: Queued = False,
    as_json: AsJson = False,
) -> None:
    """Compare models on questions that none of them was trained on.

    Shows hit rate, MRR, NDCG, MAP and recall of the whole retrieval, of vectors alone, of words
    alone and of plain BM25, and whether the differences are more than chance. Nothing that
    serves changes.
    """
    from app.actions import evaluating
    from app.cli.bar import progress_bar
    from app.cli.common import emit_json, hand_over, services
    from pipelines.errors import InputError
    from training.evaluation import evidence
    from training.evaluation.dataset import of_file

    if queue and (beside or out):
        raise InputError(
            "With --queue the report goes to the data folder; leave out --beside and --out."
        )
    given = dict(_beside(text) for text in beside or [])
    names = [name.strip() for name in models.split(",") if name.strip()]
    # A file is looked at before anything starts.
    chosen = None if dataset == evaluating.CORPUS else of_file(Path(dataset))
    with services() as opened:
        evaluating.check_names(opened, names)
        chosen = chosen or evaluating.dataset(opened, dataset)
        if queue:
            place = dataset if dataset == evaluating.CORPUS else str(Path(dataset).resolve())
            hand_over(opened, "evaluate", as_json=as_json, dataset=place, models=names, whole=whole)
            return
        with progress_bar() as task:
            report = evaluating.evaluate(
                opened, chosen, names, beside=given, whole=whole, task=task
            )
        evaluation_id, paths = evaluating.keep(opened, report, chosen, who="cli", out=out)
        with opened.pool.connection() as conn:
            reference, *others = (model.identity for model in report.models)
            decided = [evidence.verdict(conn, other, reference) for other in others]
    if as_json:
        emit_json(_as_dict(report, evaluation_id, paths))
    else:
        _print(report, decided)
        typer.echo(f"\n{report.verdict}\nReport: {paths[0]}")


def _as_dict(report: EvaluationReport, evaluation_id: int, paths: Sequence[Path]) -> dict[str, Any]:
    """The report as the JSON output has it, with the places of its files."""
    from training.evaluation.figures.stored_report import figures

    return {"id": evaluation_id, **figures(report), "report": paths[0], "report_json": paths[1]}


def _beside(text: str) -> tuple[str, tuple[str, float]]:
    from pipelines.errors import InputError
    from training.evaluation.metrics import MEASURES

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


def _print(report: EvaluationReport, decided: Sequence[Verdict]) -> None:
    from rich.console import Console
    from rich.table import Table

    from training.evaluation.figures.comparison import better_side
    from training.finetune.card import SHOWN, label

    console = Console()
    facts = report.dataset
    console.print(
        f"[bold]{facts.name}[/]  {facts.questions} questions, {facts.passages} passages;"
        f" {facts.leaning} near-copies of their passage"
    )
    table = Table("system", *(label(name) for name in SHOWN), box=None)
    for system in report.systems:
        table.add_row(system.name, *(f"{system.figures[name]:.3f}" for name in SHOWN))
    for name, (measure, value) in report.beside.items():
        row: list[Any] = [f"{value:.3f}" if shown == measure else "" for shown in SHOWN]
        table.add_row(f"{name} (given)", *row, style="dim")
    console.print(table)
    shares = ", ".join(f"{m.name} {m.rules.lexical_weight:.2f}" for m in report.models)
    console.print(f"Share of BM25 in the score: {shares}")
    for model in report.models:
        if model.tokens_paid is not None:
            cost = "price not known" if model.dollars is None else f"${model.dollars:.4f}"
            console.print(
                f"{model.name}: {model.tokens_paid:,} tokens, {cost};"
                f" {model.texts_from_cache:,} texts from the cache"
            )
    for model in report.models:
        side = better_side(model.name, report.comparisons)
        if side is not None:
            console.print(
                f"{model.name}: on these questions [yellow]{side[0]} rank better[/] than the whole"
                f" search (MRR@10 {-side[1].mean:+.3f})."
            )
    for model, verdict in zip(report.models[1:], decided, strict=True):
        console.print(f"{model.name}: [{COLOUR[verdict.advice]}]{verdict.sentence}[/]")
