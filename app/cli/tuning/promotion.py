"""`attune models promote`: let a version serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import AsJson, Queued, VersionName

if TYPE_CHECKING:
    from app.actions.retrain import Promotion
    from app.services import Services


def promote(
    name: VersionName,
    override: Annotated[
        str | None,
        typer.Option(help="Promote although it is not proved better; the reason is kept."),
    ] = None,
    auto: Annotated[
        bool,
        typer.Option(
            "--auto",
            help="Evaluate it where that is missing, and promote only if it is better; ask nobody.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    queue: Queued = False,
    as_json: AsJson = False,
) -> None:
    """Let a version serve: build it, load it everywhere, prove it, and switch.

    It must have been compared with the serving version and not be worse. Questions under way end
    on the version they began with.
    """
    from app.actions import retrain, versions
    from app.cli.bar import progress_bar
    from app.cli.common import emit_json, hand_over, services
    from pipelines.embedder import registry
    from pipelines.errors import InputError

    if auto and override is not None:
        raise InputError("Give either --auto, which decides by the figures, or --override REASON.")
    with services() as opened:
        with opened.pool.connection() as conn:
            model = registry.find(conn, name)
            verdict = None if auto else versions.allowed(conn, model, override)
        if verdict is None:
            if queue:
                hand_over(opened, "promote", as_json=as_json, name=name, auto=True)
            else:
                _tell(_promote_if_better(opened, name), as_json)
            return
        if not yes and not as_json:
            typer.secho(verdict.sentence, err=True, fg=None if verdict.better else "yellow")
            typer.echo(verdict.reason, err=True)
            typer.confirm(f"Let {name} answer everybody's questions?", abort=True, err=True)
        if queue:
            hand_over(opened, "promote", as_json=as_json, name=name, override=override)
            return
        with progress_bar() as task:
            after = retrain.promote(opened, name, who="cli", override=override, task=task)
    if as_json:
        emit_json({"version": name, "epoch": after.epoch, "gate": verdict.reason})
        return
    typer.secho(f"{name} serves (epoch {after.epoch}).", fg="green")
    typer.echo("To go back: attune models rollback")


def _promote_if_better(opened: Services, name: str) -> Promotion:
    from app.actions import retrain
    from app.cli.bar import progress_bar

    with progress_bar() as task:
        return retrain.promote_if_better(opened, name, who="cli", task=task)


def _tell(done: Promotion, as_json: bool) -> None:
    from app.cli.common import emit_json, print_promotion

    emit_json(done.as_json()) if as_json else print_promotion(done)
