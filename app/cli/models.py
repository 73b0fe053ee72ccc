"""`attune models`: the versions of the embedder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pipelines.store.models import Model

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]
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
    for model in found:
        typer.echo(
            f"{model.name:12} {model.kind:8} {model.dimension:5}  {model.created_at:%Y-%m-%d %H:%M}"
            f"  {_short(model)}"
        )


@group.command("show")
def show(name: Name, as_json: AsJson = False) -> None:
    """What a version was made from and how."""
    from app.cli.common import emit_json, services
    from pipelines import registry

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


@group.command("delete")
def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget a version with its files; refused while anything uses it."""
    from app.cli.common import services
    from pipelines import registry
    from training.run import Folders

    if not yes:
        typer.confirm(f"Delete {name} and its files?", abort=True)
    with services(pool_size=2) as opened, opened.pool.connection() as conn:
        registry.delete(conn, name, Folders.under(opened.settings.home).models)
    typer.echo(f"{name} is deleted.")


@group.command("export")
def export(
    name: Name, folder: Annotated[Path, typer.Argument(help="A folder that is not there yet.")]
) -> None:
    """Copy a version's files, as sentence-transformers loads them."""
    from app.cli.common import services
    from pipelines import registry

    with services(pool_size=2) as opened, opened.pool.connection() as conn:
        model = registry.find(conn, name)
        registry.export(model, folder, _card(conn, model))
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
    from pipelines import registry

    with services(pool_size=2) as opened, opened.pool.connection() as conn:
        model = registry.find(conn, name)
        address = registry.push(model, repo, private=not public, card=_card(conn, model))
    typer.echo(f"{name} is at {address}.")


def _card(conn: Any, model: Model) -> str | None:
    """The card with the figures of the newest evaluation; None: the files have their own."""
    from pipelines.store import evaluations
    from training.card import model_card

    if model.kind == "base" or model.manifest_sha256 is None:
        return None
    found = evaluations.latest_of(conn, model.manifest_sha256)
    figures = found.figures if found else None
    chosen_by = {name: value for name, value in model.metrics.items() if "heldout_" in name}
    return model_card(model.name, model.base, model.settings, figures, training=chosen_by)


def _short(model: Model) -> str:
    """What tells a version from others, in a few words."""
    if model.kind in ("base", "openai"):
        return model.base
    return f"from {model.base}, {model.metrics.get('pairs', '?')} pairs"
