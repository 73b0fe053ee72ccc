"""`attune models`: the versions of the embedder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from app.actions.retrain import Promotion
    from app.services import Services
    from pipelines.store.models import Model
    from pipelines.store.shadows import ShadowReport

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
Queued = Annotated[bool, typer.Option("--queue", help="Leave it to a worker.")]
Name = Annotated[str, typer.Argument(help="Name of the version, e.g. v1.")]

group = typer.Typer(help="Versions of the embedder.", no_args_is_help=True)


@group.command("list")
def list_models(as_json: AsJson = False) -> None:
    """Every version, oldest first."""
    from app.cli.common import emit_json, services
    from pipelines.store import models

    with services(pool_size=2) as opened, opened.pool.connection() as conn:
        found = models.list_all(conn)
    if as_json:
        emit_json({"models": [vars(model) for model in found]})
        return
    typer.secho(f"{'Version':12} {'Method':8} {'Length':>6}  {'Made':16}  From", bold=True)
    for model in found:
        typer.echo(
            f"{model.name:12} {model.kind:8} {model.dimension:6}  {model.created_at:%Y-%m-%d %H:%M}"
            f"  {_short(model)}"
        )


@group.command("show")
def show(name: Name, as_json: AsJson = False) -> None:
    """What a version was made from and how."""
    from app.cli.common import emit_json, services
    from pipelines.embedder import registry

    with services(pool_size=2) as opened, opened.pool.connection() as conn:
        model = registry.find(conn, name)
    if as_json:
        emit_json(vars(model))
        return
    for key, value in vars(model).items():
        if isinstance(value, dict):
            typer.echo(f"{key}:")
            for inner, item in sorted(value.items()):
                typer.echo(f"  {inner}: {item}")
        else:
            typer.echo(f"{key}: {value}")


@group.command("status")
def status(as_json: AsJson = False) -> None:
    """The state of each version, and what was done last."""
    from app.actions import versions
    from app.cli.common import emit_json, services
    from pipelines.store import active

    with services(pool_size=2) as opened, opened.pool.connection() as conn:
        found = versions.statuses(conn)
        said = active.audits(conn, limit=5)
    if as_json:
        emit_json({"versions": [s.as_json() for s in found], "audit": [vars(a) for a in said]})
        return
    for row in found:
        typer.secho(
            f"{row.name:12} {row.kind:8} {row.state:10}"
            + (
                f" {row.complete} of {row.documents} documents,"
                f" {row.vectors} of {row.windows} windows, loaded by {row.loaded_by}"
                if row.state != "not built"
                else ""
            ),
            fg="green" if row.state == "serving" else None,
        )
        if row.shadow is not None:
            typer.echo(f"             {_in_short(row.shadow)}")
        if row.reason:
            typer.secho(f"             {row.reason}", fg="yellow")
    for audit in said:
        typer.echo(
            f"{audit.at:%Y-%m-%d %H:%M} {audit.action} {audit.detail.get('version', '')}"
            f" by {audit.who}  {audit.detail.get('reason') or audit.detail.get('gate', '')}"
        )


@group.command("build")
def build(name: Name, queue: Queued = False, as_json: AsJson = False) -> None:
    """Make a version's vectors of all documents, while the serving version answers.

    Interrupted, it goes on where it stopped. Nobody who asks notices.
    """
    from app.actions import retrain
    from app.cli.bar import progress_bar
    from app.cli.common import emit_json, hand_over, services
    from pipelines.embedder import registry

    if queue:
        with services(pool_size=2) as opened:
            with opened.pool.connection() as conn:
                registry.find(conn, name)
            hand_over(opened, "build", as_json=as_json, name=name)
        return
    with services() as opened, progress_bar() as task:
        handle = retrain.build(opened, name, task)
    if as_json:
        emit_json({"version": name, "index": handle.index_id, "state": "ready"})
        return
    typer.secho(f"{name} is built.", fg="green")
    typer.echo(f"Next: attune models promote {name}")


@group.command("prepare")
def prepare(name: Name, as_json: AsJson = False) -> None:
    """Load a built version on every running server."""
    from app.actions import versions
    from app.cli.common import emit_json, services

    with services(pool_size=2) as opened:
        count = versions.prepare(opened, name)
    if as_json:
        emit_json({"version": name, "replicas": count})
    else:
        typer.secho(f"{name} is loaded by {count} running server(s).", fg="green")


@group.command("shadow")
def shadow(
    name: Name,
    share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of live questions it answers silently from now on."),
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="It answers silently no longer.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let a version answer live questions silently, and compare it with the one that serves.

    Nobody sees what it finds. With neither --share nor --off: the comparison so far.
    """
    from app.actions import versions
    from app.cli.common import emit_json, services
    from pipelines.errors import InputError

    if off and share is not None:
        raise InputError("Give either --share or --off.")
    with services(pool_size=2) as opened:
        if off or share is not None:
            versions.shadow(opened, name, 0 if off else share or 0, who="cli")
        with opened.pool.connection() as conn:
            found = versions.shadow_report(conn, name)
    if as_json:
        emit_json({"version": name, "preferred": found.preferred, **asdict(found)})
        return
    on = f"answers {found.share:.0%} of questions silently" if found.share else "is no shadow"
    typer.secho(f"{name} {on}.", fg="green" if found.share else None)
    for line in _comparison(found):
        typer.echo(line)


def _in_short(found: ShadowReport) -> str:
    """A shadow in one line."""
    line = f"answers {found.share:.0%} of questions silently, {found.questions} so far"
    if found.questions:
        line += (
            f": overlap {found.overlap:.0%}, first passage differs {found.first_differs:.0%},"
            f" {found.candidate_p50_ms:.0f} ms"
        )
    if found.preferred is not None:
        line += f", preferred in {found.preferred:.0%}"
    return line + (f"; failed at {found.faults}" if found.faults else "")


def _comparison(found: ShadowReport) -> Iterator[str]:
    """What a shadow's answers say, in lines."""
    yield f"questions         {found.questions} that the serving version answered too"
    if found.faults:
        yield f"failed at         {found.faults}, at last: {found.last_fault}"
    if not found.questions:
        return
    yield f"overlap           {found.overlap:.0%} of the passages shown"
    yield f"disagreement      first passage differs {found.first_differs:.0%}, no passage in"
    yield f"                  common {found.none_shared:.0%}"
    if found.serving_p50_ms is not None:
        yield (
            f"time p50, p95     {found.candidate_p50_ms:.0f}, {found.candidate_p95_ms:.0f} ms;"
            f" serving: {found.serving_p50_ms:.0f}, {found.serving_p95_ms:.0f} ms"
        )
    for word, judged in (("liked", found.liked), ("disliked", found.disliked)):
        yield (
            f"{word:17} {judged.count} answers, their passages higher {judged.higher},"
            f" same {judged.same}, lower {judged.lower}"
        )
    if found.preferred is not None:
        yield f"preferred in      {found.preferred:.0%} of those ranked differently"


@group.command("promote")
def promote(
    name: Name,
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


@group.command("rollback")
def rollback(
    reason: Annotated[str, typer.Option(help="Why; kept with the act.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Go back to the version that served before. Takes a second or two."""
    from app.actions import versions
    from app.cli.common import emit_json, services

    with services() as opened:
        before = versions.previous(opened)
        if not yes and not as_json:
            typer.confirm(f"Go back to {before}?", abort=True, err=True)
        after = versions.roll_back(opened, who="cli", reason=reason)
        name = opened.replica.refresh().model_name
    if as_json:
        emit_json({"version": name, "epoch": after.epoch})
    else:
        typer.secho(f"{name} serves again (epoch {after.epoch}).", fg="green")


@group.command("delete")
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a version with its files. Refused while anything uses it."""
    from app.actions import versions
    from app.cli.common import services
    from pipelines.embedder import registry

    with services(pool_size=2) as opened:
        with opened.pool.connection() as conn:
            registry.find(conn, name)
        if not yes:
            typer.confirm(f"Delete {name} and its files?", abort=True)
        versions.delete(opened, name, who="cli")
    typer.echo(f"{name} is deleted.")


@group.command("export")
def export(
    name: Name, folder: Annotated[Path, typer.Argument(help="A folder that is not there yet.")]
) -> None:
    """Copy a version's files, as sentence-transformers loads them."""
    from app.cli.common import services
    from pipelines.embedder import registry
    from training.finetune.card import card_of

    with services(pool_size=2) as opened, opened.pool.connection() as conn:
        model = registry.find(conn, name)
        registry.export(model, folder, card_of(conn, model), opened.options.models)
    typer.echo(f"{name} is in {folder}.")


@group.command("push")
def push(
    name: Name,
    repo: Annotated[str, typer.Argument(help="Repository on the hub: OWNER/NAME.")],
    public: Annotated[
        bool, typer.Option("--public", help="Let everybody see it; else it is private.")
    ] = False,
) -> None:
    """Upload a version to the Hugging Face hub."""
    from app.cli.common import services
    from pipelines.embedder import registry
    from training.finetune.card import card_of

    with services(pool_size=2) as opened, opened.pool.connection() as conn:
        model = registry.find(conn, name)
        address = registry.push(
            model,
            repo,
            private=not public,
            card=card_of(conn, model),
            store=opened.options.models,
        )
    typer.echo(f"{name} is at {address}.")


def _short(model: Model) -> str:
    """What tells a version from others, in a few words."""
    if model.kind in ("base", "openai"):
        return model.base
    return f"from {model.base}, {model.metrics.get('pairs', '?')} pairs"
