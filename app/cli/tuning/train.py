"""`attune train`: fine-tune the embedder on pairs of question and passage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from app.cli.common import AsJson, Queued
from app.cli.tuning import train_options as option

if TYPE_CHECKING:
    from app.actions.fine_tuning import RunPlan, RunRequest
    from app.actions.retrain import Promotion
    from app.services import Services
    from pipelines.store.ids import RunId
    from pipelines.store.models import Model
    from training.finetune.preflight import Preflight


def train(
    pairs: option.PairsFile = None,
    heldout: option.HeldoutFile = None,
    method: option.MethodChoice = "auto",
    base: option.Base = "",
    name: option.NewName = "",
    epochs: option.Epochs = None,
    batch_size: option.BatchSize = None,
    lr: option.LearningRate = None,
    seed: option.Seed = 0,
    freeze_layers: option.FrozenLayers = 0,
    sides: option.AdapterSides = "both",
    hard_negatives: option.HardNegatives = None,
    matryoshka: option.Matryoshka = "",
    offline: option.Offline = 0,
    processes: option.Processes = 1,
    resume: option.Resume = None,
    dry_run: option.DryRun = False,
    auto: option.Auto = False,
    queue: Queued = False,
    as_json: AsJson = False,
) -> None:
    """Train a new version of the embedder. It serves nobody until it is promoted.

    Learns from the stored pairs that are accepted (attune pairs), or from a file of pairs.

    Interrupted or killed, `attune train --resume RUN` continues from the last checkpoint.
    """
    from app.actions.fine_tuning import PairFiles, RunRequest
    from app.cli.common import hand_over, services
    from pipelines.store.ids import RunId

    option.check_together(pairs, heldout, offline, resume)
    request = RunRequest(
        files=None if pairs is None else PairFiles(pairs, heldout, offline),
        base=base,
        method=None if method == "auto" else method,
        seed=seed,
        settings={
            "epochs": epochs, "batch_size": batch_size, "learning_rate": lr,
            "freeze_layers": freeze_layers, "adapter_sides": sides,
            "hard_negatives": hard_negatives, "matryoshka": option.lengths(matryoshka),
        },
    )  # fmt: skip
    with services() as opened:
        if resume is not None:
            run_id = RunId(resume)
        elif dry_run:
            _probe(opened, request, processes, as_json)
            return
        else:
            run_id = _begin(opened, request, name, processes, queue)
        if queue:
            hand_over(
                opened, "train", as_json=as_json, run_id=run_id, auto=auto, processes=processes
            )
        else:
            _execute(opened, run_id, processes, auto, as_json)


def _probe(opened: Services, request: RunRequest, processes: int, as_json: bool) -> None:
    """Print what a run would take."""
    from app.actions import fine_tuning
    from app.cli.bar import progress_bar
    from app.cli.common import emit_json

    plan = fine_tuning.plan(opened, request)
    with progress_bar() as task:
        report = fine_tuning.probe(
            opened, plan.base, plan.material, plan.options, task, processes=processes
        )
    emit_json(report.as_json()) if as_json else _print_preflight(report)


def _begin(opened: Services, request: RunRequest, name: str, processes: int, queue: bool) -> RunId:
    """Say how long the run takes, and create it."""
    from app.actions import fine_tuning, methods

    with_what = methods.workers_machine(opened) if queue else methods.machine(opened, processes)
    plan = fine_tuning.plan(opened, request, with_what)
    _print_advice(plan)
    run_id = fine_tuning.create(
        opened, plan.base, plan.material, plan.options, name=name, who="cli"
    )
    _print_begun(run_id, plan)
    return run_id


def _execute(opened: Services, run_id: RunId, processes: int, auto: bool, as_json: bool) -> None:
    """Train, promote the version if that was asked for, and print what came of it."""
    from app.actions import fine_tuning, retrain
    from app.cli.bar import progress_bar
    from app.cli.common import emit_json, kept_in_an_outage, print_promotion

    kept = f"run {run_id} is kept, and attune train --resume {run_id} goes on with it."
    with kept_in_an_outage(kept), progress_bar() as task:
        model = fine_tuning.train(opened, run_id, task, processes=processes)
    promotion: Promotion | None = None
    if auto:
        with progress_bar() as task:
            promotion = retrain.promote_if_better(opened, model.name, who="cli", task=task)
    if as_json:
        promoted = {} if promotion is None else {"promotion": promotion.as_json()}
        emit_json({"run": run_id, **vars(model), **promoted})
        return
    _print_model(run_id, model)
    if promotion is not None:
        print_promotion(promotion)
    else:
        typer.echo(_next_step(opened, model))


def _print_advice(plan: RunPlan) -> None:
    choice = plan.advice
    if choice is None:
        return
    hint = " To take that: --method full." if choice.listed and choice.method != "full" else ""
    typer.echo(f"{choice.sentence()}{hint}", err=True)


def _print_begun(run_id: RunId, plan: RunPlan) -> None:
    from app.actions import fine_tuning

    for warning in fine_tuning.warnings(plan.material):
        typer.secho(f"warning: {warning}", err=True, fg="yellow")
    typer.echo(
        f"run {run_id}: {len(plan.material.train)} questions to train on,"
        f" {len(plan.material.heldout)} validation questions to tell when to stop",
        err=True,
    )
    if wrong := plan.material.wrong:
        passages = "passage" if wrong == 1 else "passages"
        typer.echo(f"{wrong} {passages} marked as wrong to tell the right ones from", err=True)


def _next_step(opened: Services, model: Model) -> str:
    """The command that compares a new version, on questions that its run has not seen."""
    from app.actions import evaluating

    command = f"attune evaluate --dataset {{}} --models base,{model.name}"
    if evaluating.has_corpus(opened):
        return f"Next: {command.format(evaluating.CORPUS)}"
    return (
        f"Next: {command.format('FILE')}\n"
        "FILE is a JSON or CSV file of questions that were in neither of this run's files."
    )


def _print_model(run_id: RunId, model: Model) -> None:
    from training.evaluation import gate
    from training.finetune.heldout import BASE, NDCG

    metrics = model.metrics
    typer.secho(f"{model.name} is registered (run {run_id}, {model.kind}).", fg="green")
    if NDCG in metrics:
        before, after = metrics[BASE + NDCG], metrics[NDCG]
        typer.echo(
            f"NDCG@10 of the whole search over {metrics['heldout']} validation questions:"
            f" {before:.3f} -> {after:.3f}"
        )
        if sentence := gate.before_evaluation(metrics["heldout"], gained=after > before):
            typer.secho(sentence, fg="yellow")
    if (share := model.settings.get("lexical_weight")) is not None:
        typer.echo(f"Learned share of BM25 in the score: {share:.2f}")


def _print_preflight(report: Preflight) -> None:
    from training.finetune.options import label

    typer.echo(f"{'method':10}{'minutes':>9}{'memory':>11}{'disk':>10}  serving")
    for row in report.methods:
        mark = "*" if row.method == report.recommended else " "
        typer.echo(
            f"{row.method:9}{mark}{row.minutes:9.1f}{row.memory_mb:8.0f} MB{row.disk_mb:7.0f} MB"
            f"  {row.serving}"
        )
    typer.echo(f"* recommended: {label(report.recommended)}: {report.reason}")
    for warning in report.warnings:
        typer.secho(f"warning: {warning}", fg="yellow")
