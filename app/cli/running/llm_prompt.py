"""`attune llm prompt`: what the language model is told for answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import AsJson

if TYPE_CHECKING:
    from app.actions.llms.prompts import ShownPrompt

group = typer.Typer(
    help="What language models are told for answers: show, set, reset.", no_args_is_help=True
)

For = Annotated[
    str, typer.Option("--for", help="answer, or deeper: answers that it looks up by itself.")
]


@group.command()
def show(which: For = "answer", as_json: AsJson = False) -> None:
    """Print the instructions. Kept in a file and changed, they are what `set` takes."""
    from app.actions.llms import prompts
    from app.cli.common import services

    with services(pool_size=1) as opened:
        shown = prompts.show(opened, prompts.named(which))
    if as_json:
        _tell(shown)
        return
    typer.echo(shown.template)
    if shown.changed_by is not None:
        typer.secho(f"Changed by {shown.changed_by}. The default: reset", err=True, dim=True)


@group.command("set")
def set_prompt(
    file: Annotated[Path, typer.Argument(help="A text file, or - for the input.")],
    which: For = "answer",
    as_json: AsJson = False,
) -> None:
    """Put a file's text in the place of the instructions. Running servers use it at once."""
    from app.actions.llms import prompts
    from app.cli.common import services

    text = _read(file)
    with services(pool_size=2) as opened:
        saved = prompts.save(opened, prompts.named(which), text, who="cli")
    if as_json:
        _tell(saved)
    else:
        typer.echo("The next question is answered by these instructions.")


@group.command()
def reset(which: For = "answer", as_json: AsJson = False) -> None:
    """Bring the default instructions back."""
    from app.actions.llms import prompts
    from app.cli.common import services

    with services(pool_size=2) as opened:
        shown = prompts.reset(opened, prompts.named(which), who="cli")
    if as_json:
        _tell(shown)
    else:
        typer.echo("The next question is answered by the default instructions.")


def _tell(shown: ShownPrompt) -> None:
    from app.cli.common import emit_json

    emit_json({"for": shown.name, "template": shown.template, "changed_by": shown.changed_by})


def _read(file: Path) -> str:
    from pipelines.errors import InputError

    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read as a text: {error}") from error
