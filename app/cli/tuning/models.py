"""`attune models`: the versions of the embedder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import AsJson, Queued, VersionName
from app.cli.tuning.promotion import promote
from app.cli.tuning.shadowing import in_short, shadow

if TYPE_CHECKING:
    from pipelines.store.models import Model


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
def show(name: VersionName, as_json: AsJson = False) -> None:
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
    from app.actions import version_status
    from app.cli.common import emit_json, services
    from pipelines.store import active

    with services(pool_size=2) as opened, opened.pool.connection() as conn:
        found = version_status.statuses(conn)
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
            typer.echo(f"             {in_short(row.shadow)}")
        if row.reason:
            typer.secho(f"             {row.reason}", fg="yellow")
    for audit in said:
        typer.echo(
            f"{audit.at:%Y-%m-%d %H:%M} {audit.action} {audit.detail.get('version', '')}"
            f" by {audit.who}  {audit.detail.get('reason') or audit.detail.get('gate', '')}"
        )


@group.command("build")
def build(
    name: VersionName,
    again: Annotated[
        bool, typer.Option("--again", help="Also if it is built: with what new versions get.")
    ] = False,
    queue: Queued = False,
    as_json: AsJson = False,
) -> None:
    """Make a version's vectors of all documents, while the serving version answers.

    Interrupted, it continues where it stopped. Nobody who asks notices.
    """
    from app.actions import retrain
    from app.cli.bar import progress_bar
    from app.cli.common import emit_json, hand_over, services
    from pipelines.embedder import registry

    if queue:
        with services(pool_size=2) as opened:
            with opened.pool.connection() as conn:
                registry.find(conn, name)
            more = {"again": True} if again else {}
            hand_over(opened, "build", as_json=as_json, name=name, **more)
        return
    with services() as opened, progress_bar() as task:
        handle = retrain.build(opened, name, task, again=again)
    if as_json:
        emit_json({"version": name, "index": handle.index_id, "state": "ready"})
        return
    typer.secho(f"{name} is built.", fg="green")
    typer.echo(f"Next: attune models promote {name}")


@group.command("prepare")
def prepare(name: VersionName, as_json: AsJson = False) -> None:
    """Load a built version on every running server."""
    from app.actions import versions
    from app.cli.common import emit_json, services

    with services(pool_size=2) as opened:
        count = versions.prepare(opened, name)
    if as_json:
        emit_json({"version": name, "replicas": count})
    else:
        typer.secho(f"{name} is loaded by {count} running server(s).", fg="green")


group.command("shadow")(shadow)


group.command("promote")(promote)


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
    name: VersionName,
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
    name: VersionName,
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet.")],
) -> None:
    """Copy a version's files, as sentence-transformers loads them."""
    from app.actions import exporting
    from app.cli.common import services

    with services(pool_size=2) as opened:
        exporting.export(opened, name, folder)
    typer.echo(f"{name} is in {folder}.")


@group.command("push")
def push(
    name: VersionName,
    repo: Annotated[str, typer.Argument(help="Repository on the hub: OWNER/NAME.")],
    public: Annotated[
        bool, typer.Option("--public", help="Let everybody see it; else it is private.")
    ] = False,
) -> None:
    """Upload a version to the Hugging Face hub."""
    from app.actions import exporting
    from app.cli.common import services

    with services(pool_size=2) as opened:
        address = exporting.push(opened, name, repo, private=not public, who="cli")
    typer.echo(f"{name} is at {address}.")


def _short(model: Model) -> str:
    """What tells a version from others, in a few words."""
    if model.kind in ("base", "openai"):
        return model.base
    return f"from {model.base}, {model.metrics.get('pairs', '?')} pairs"
