"""`attune train`: fine-tune the embedder on pairs of question and passage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from app.services import Services
    from pipelines.store.models import Model
    from training.finetune.options import Method, TrainOptions
    from training.pairs.material import Material


Asked = Literal["auto", "full", "lora", "query", "adapter"]
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
        Asked,
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
    from app.actions import fine_tuning, retrain
    from app.cli.bar import progress_bar
    from app.cli.common import emit_json, hand_over, print_promotion, services
    from pipelines.store.ids import RunId

    _check_flags(pairs, heldout, offline, resume)
    with services() as opened:
        if resume is None:
            files = None if pairs is None else fine_tuning.PairFiles(pairs, heldout, offline)
            found = fine_tuning.learned_from(opened, files, seed=seed)
            base = fine_tuning.check_base(opened, base)
            if not dry_run:
                method = _advised(opened, method, base, found if files else None, processes, queue)
            options = _options(
                opened,
                method="full" if method == "auto" else method,
                epochs=epochs,
                batch_size=batch_size,
                learning_rate=lr,
                seed=seed,
                freeze_layers=freeze_layers,
                adapter_sides=sides,
                hard_negatives=hard_negatives,
                matryoshka=matryoshka,
            )
            if dry_run:
                with progress_bar() as task:
                    report = fine_tuning.probe(
                        opened, base, found, options, task, processes=processes
                    )
                emit_json(report.as_json()) if as_json else _print_preflight(report)
                return
            run_id = fine_tuning.create(opened, base, found, options, name=name, by="cli")
            _print_begun(run_id, found)
        else:
            run_id = RunId(resume)
        if queue:
            hand_over(
                opened, "train", as_json=as_json, run_id=run_id, auto=auto, processes=processes
            )
            return
        with progress_bar() as task:
            model = fine_tuning.train(opened, run_id, task, processes=processes)
        promotion = None
        if auto:
            with progress_bar() as task:
                promotion = retrain.promote_if_better(opened, model.name, who="cli", task=task)
        next_step = _next_step(opened, model)
    if as_json:
        told = {} if promotion is None else {"promotion": promotion.as_json()}
        emit_json({"run": run_id, **vars(model), **told})
        return
    _print_model(run_id, model)
    if promotion is not None:
        print_promotion(promotion)
    else:
        typer.echo(next_step)


def _check_flags(
    pairs: Path | None, heldout: Path | None, offline: int, resume: int | None
) -> None:
    """
    Refuse options that do not go together.

    :raises InputError: They do not.
    """
    from pipelines.errors import InputError

    if pairs is not None and resume is not None:
        raise InputError("Give either --pairs FILE, or --resume RUN.")
    if heldout is not None and pairs is None:
        raise InputError("--heldout goes with --pairs FILE; stored pairs have a held-out side.")
    if offline and pairs is None:
        raise InputError(
            "--offline goes with --pairs FILE; for stored pairs use attune pairs generate."
        )


def _advised(
    opened: Services, method: Asked, base: str, found: Material | None, processes: int, queue: bool
) -> Method:
    """
    Say how long a run takes before anything begins, and return the method to train with.

    :param found: The pairs of a file. Without one, all stored pairs are meant.
    """
    from app.actions import methods

    with_what = methods.workers_machine(opened) if queue else methods.machine(opened, processes)
    choice = methods.advise(opened, with_what, base, None if method == "auto" else method, found)
    hint = " To take that: --method full." if choice.listed and choice.method != "full" else ""
    typer.echo(f"{choice.sentence()}{hint}", err=True)
    return choice.method


def _print_begun(run_id: int, found: Material) -> None:
    from app.actions import fine_tuning

    for warning in fine_tuning.warnings(found):
        typer.secho(f"warning: {warning}", err=True, fg="yellow")
    typer.echo(
        f"run {run_id}: {len(found.train)} questions to train on,"
        f" {len(found.heldout)} set aside to tell when to stop",
        err=True,
    )


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


def _options(opened: Services, *, matryoshka: str, **chosen: Any) -> TrainOptions:
    from app.actions import fine_tuning
    from pipelines.errors import InputError

    try:
        lengths = tuple(int(part) for part in matryoshka.split(",") if part.strip())
    except ValueError:
        raise InputError(f"--matryoshka {matryoshka!r}: numbers are expected.") from None
    return fine_tuning.options(opened, matryoshka=lengths, **chosen)


def _print_model(run_id: int, model: Model) -> None:
    from training.evaluation import gate
    from training.finetune.heldout import BASE, NDCG

    metrics = model.metrics
    typer.secho(f"{model.name} is registered (run {run_id}, {model.kind}).", fg="green")
    if NDCG in metrics:
        before, after = metrics[BASE + NDCG], metrics[NDCG]
        typer.echo(
            f"NDCG@10 over {metrics['heldout']} questions set aside: {before:.3f} -> {after:.3f}"
        )
        if sentence := gate.before_evaluation(metrics["heldout"], gained=after > before):
            typer.secho(sentence, fg="yellow")
    if (share := model.settings.get("lexical_weight")) is not None:
        typer.echo(f"Learned share of BM25 in the score: {share:.2f}")


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
