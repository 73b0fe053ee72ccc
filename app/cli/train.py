"""`attune train`: fine-tune the embedder on pairs of question and passage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from app.actions.tuning import Automatic
    from app.services import Services
    from pipelines.store.db import Connection
    from pipelines.store.models import Model
    from training.finetune.launch import Machine
    from training.finetune.options import Method, TrainOptions
    from training.pairs.material import Material


AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


def train(
    pairs: Annotated[
        Path | None,
        typer.Option(help="JSON or CSV file of questions and passages; without it, stored pairs."),
    ] = None,
    heldout: Annotated[
        Path | None,
        typer.Option(
            help="File of questions never trained on; without it a tenth of --pairs is set aside."
        ),
    ] = None,
    method: Annotated[
        Literal["auto", "full", "lora", "query", "adapter"],
        typer.Option(help="What is trained; auto: what suits this machine and the pairs."),
    ] = "auto",
    base: Annotated[
        str, typer.Option(help="Version to start from; empty: what the one that serves began with.")
    ] = "",
    name: Annotated[str, typer.Option(help="Name of the new version; empty: v1, v2, ...")] = "",
    epochs: Annotated[float | None, typer.Option(help="Rounds over the pairs.")] = None,
    batch_size: Annotated[int, typer.Option(help="Pairs in a step, in each process.")] = 32,
    lr: Annotated[float | None, typer.Option(help="Highest learning rate.")] = None,
    seed: Annotated[int, typer.Option(help="Of the split, the order and new weights.")] = 0,
    freeze_layers: Annotated[
        int, typer.Option(help="Lowest layers left as they are, with the word embeddings.")
    ] = 0,
    sides: Annotated[
        Literal["both", "query"],
        typer.Option(help="What an adapter is laid on. With query the stored vectors stay."),
    ] = "both",
    hard_negatives: Annotated[
        int, typer.Option(help="Confusable passages added to each pair.")
    ] = 0,
    matryoshka: Annotated[
        str, typer.Option(help="Shorter vector lengths to train as well, e.g. 256,128.")
    ] = "",
    offline: Annotated[
        int,
        typer.Option(
            min=0, help="With --pairs: questions to add per passage, made without an LLM."
        ),
    ] = 0,
    processes: Annotated[int, typer.Option(min=1, help="Processes (GPUs) to train with.")] = 1,
    resume: Annotated[
        int | None, typer.Option(help="Go on with this run from its last checkpoint.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Measure what the run would take, and stop.")
    ] = False,
    auto: Annotated[
        bool,
        typer.Option(
            "--auto", help="Then evaluate it, and let it serve by itself if it is better."
        ),
    ] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Leave it to a worker.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a new version of the embedder. It serves nobody until it is promoted.

    Learns from the stored pairs that are accepted (attune pairs), or from a file of pairs.

    Interrupted or killed, `attune train --resume RUN` goes on from the last checkpoint.
    """
    from app.actions import methods, versions
    from app.cli.bar import progress_bar
    from app.cli.common import emit_json, hand_over, print_automatic, services
    from pipelines.errors import InputError
    from pipelines.store.ids import RunId
    from training import run
    from training.finetune import preflight
    from training.finetune.options import METHODS

    if pairs is not None and resume is not None:
        raise InputError("Give either --pairs FILE, or --resume RUN.")
    if heldout is not None and pairs is None:
        raise InputError("--heldout goes with --pairs FILE; stored pairs have a held-out side.")
    if offline and pairs is None:
        raise InputError(
            "--offline goes with --pairs FILE; for stored pairs use attune pairs generate."
        )
    with services() as opened:
        settings = opened.settings
        folders = run.Folders.under(settings.home)
        machine = methods.machine(opened, processes)
        if resume is not None:
            run_id = RunId(resume)
        else:
            with opened.pool.connection() as conn:
                base = base or methods.starting_point(conn).name
                found = _material(conn, pairs, heldout, seed, offline)
                _, folder = run.base_model(conn, base, folders.models)
            given = None if pairs is None else found
            with_what = methods.workers_machine(opened) if queue else machine
            explicit: Method | None = next((m for m in METHODS if m == method), None)
            # With --dry-run all methods are measured, whatever is chosen.
            chosen = explicit if dry_run else _method(opened, with_what, base, explicit, given)
            options = _options(
                method=chosen or "full",
                epochs=epochs,
                batch_size=batch_size,
                learning_rate=lr,
                seed=seed,
                freeze_layers=freeze_layers,
                adapter_sides=sides,
                hard_negatives=hard_negatives,
                matryoshka=matryoshka,
                size_tokens=settings.window_tokens,
                stride_tokens=settings.window_stride,
            )
            if dry_run:
                with progress_bar() as task:
                    report, _ = preflight.probe(folder, found, options, machine, task)
                emit_json(report.as_json()) if as_json else _print_preflight(report)
                return
            for warning in preflight.few_pairs(found):
                typer.secho(f"warning: {warning}", err=True, fg="yellow")
            run_id = run.create(
                opened.pool, folders, base, found, options, name=name, created_by="cli"
            )
            typer.echo(f"run {run_id}: {len(found.train)} questions to train on,"
                       f" {len(found.heldout)} set aside to tell when to stop", err=True)  # fmt: skip
        if queue:
            hand_over(
                opened, "train", as_json=as_json, run_id=run_id, auto=auto, processes=processes
            )
            return
        with progress_bar() as task:
            model = run.execute(opened.pool, folders, run_id, machine, task)
        versions.share(opened, model)
        promotion = _promote_if_better(opened, model.name) if auto else None
    if as_json:
        told = {} if promotion is None else {"promotion": promotion.as_json()}
        emit_json({"run": run_id, **vars(model), **told})
        return
    _print_model(run_id, model)
    if promotion is not None:
        print_automatic(promotion)
    else:
        typer.echo(f"Next: attune evaluate --dataset corpus --models base,{model.name}")


def _method(
    opened: Services, machine: Machine, base: str, given: Method | None, found: Material | None
) -> Method:
    """
    The method to train with; says how long that takes, before anything begins.

    :param given: None: the recommended one.
    :param found: What a file brings; None: the stored pairs.
    """
    from app.actions import methods
    from pipelines.embedder import registry

    with opened.pool.connection() as conn:
        model = registry.find(conn, base)
        choice = methods.known(conn, machine, base=model, found=found)
    if given is None:
        choice = methods.choose(opened, machine, base=model, found=found)
    taken = given or choice.method
    hint = " To take that: --method full." if choice.listed and taken != "full" else ""
    typer.echo(f"{choice.sentence(taken)}{hint}", err=True)
    return taken


def _promote_if_better(opened: Services, name: str) -> Automatic:
    from app.actions import tuning
    from app.cli.bar import progress_bar

    with progress_bar() as task:
        return tuning.promote_if_better(opened, name, who="cli", task=task)


def _options(*, matryoshka: str, **values: Any) -> TrainOptions:
    from pipelines.errors import InputError
    from training.finetune.options import TrainOptions

    try:
        lengths = tuple(int(part) for part in matryoshka.split(",") if part.strip())
    except ValueError:
        raise InputError(f"--matryoshka {matryoshka!r}: numbers are expected.") from None
    return TrainOptions(matryoshka=lengths, **values)


def _material(
    conn: Connection, pairs: Path | None, heldout: Path | None, seed: int, offline: int
) -> Material:
    from training.pairs import material, seedfile, stored

    if pairs is None:
        return stored.material(conn, seed=seed)
    held = None if heldout is None else seedfile.read(heldout)
    return material.material(seedfile.read(pairs), held, seed=seed, offline=offline)


def _print_model(run_id: int, model: Model) -> None:
    from training.finetune.heldout import BASE, NDCG

    metrics = model.metrics
    typer.secho(f"{model.name} is registered (run {run_id}, {model.kind}).", fg="green")
    if NDCG in metrics:
        before, after = metrics[BASE + NDCG], metrics[NDCG]
        typer.echo(
            f"NDCG@10 over {metrics['heldout']} questions set aside: {before:.3f} -> {after:.3f}"
        )
        if after <= before:
            typer.secho("It does not find more than its base; do not promote it.", fg="yellow")


def _print_preflight(report: Any) -> None:
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
