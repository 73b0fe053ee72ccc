"""`attune llm`: the language models that answers may be written with."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.common import AsJson
from app.cli.running import llm_prompt

if TYPE_CHECKING:
    from app.actions.llms.trial import LLMTrial
    from app.services import Services
    from pipelines.store.language_models import LanguageModel

group = typer.Typer(
    help="Language models that write answers: show, set, test, remove, prompt.",
    no_args_is_help=True,
)
group.add_typer(llm_prompt.group, name="prompt")

Named = Annotated[str, typer.Argument(metavar="NAME", help="As `attune llm show` lists it.")]


@group.command()
def show(as_json: AsJson = False) -> None:
    """List the language models. The first one answers where nobody chooses another."""
    from app.cli.common import emit_json, services

    with services(pool_size=1) as opened:
        fixed, added = opened.llms.fixed, opened.llms.added()
    if as_json:
        of_environment = fixed and {"model": fixed.model, "address": fixed.base_url or ""}
        emit_json({"environment": of_environment, "added": [_as_dict(one) for one in added]})
        return
    if fixed is not None:
        where = fixed.base_url or "OpenAI"
        typer.echo(f"{fixed.model} at {where}, set by the environment, which wins")
    for one in added:
        key = "a key is kept" if one.secret else "no key"
        typer.echo(f"{one.name}: {one.model} at {one.address or 'OpenAI'}, {key}")
    if fixed is None and not added:
        typer.echo("None: answers are extracts. To add one: attune llm set MODEL --address URL")


@group.command("set")
def set_model(
    model: Annotated[str, typer.Argument(help="What its provider calls it, e.g. gpt-4o-mini.")],
    address: Annotated[
        str,
        typer.Option(
            help="An OpenAI-compatible endpoint, e.g. http://localhost:11434/v1. Empty: OpenAI."
        ),
    ] = "",
    name: Annotated[str, typer.Option(help="What people call it. Empty: as its provider.")] = "",
    key: Annotated[
        bool,
        typer.Option(
            "--key", help="Ask for its key, or read it from the input, and keep it encrypted."
        ),
    ] = False,
    first: Annotated[
        bool, typer.Option("--first", help="Answer with it where nobody chooses another.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add a language model, or change the one with this name. Running servers use it at once."""
    from app.actions.llms import registry
    from app.actions.llms.registry import ModelWish
    from app.cli.common import emit_json, services

    with services(pool_size=2) as opened:
        registry.refuse_fixed(opened)
        wish = ModelWish(model, address, name, _key() if key else "")
        before = _named(opened, wish.checked().name)
        saved = registry.save(
            opened, wish, before.id if before else None, who="cli", by_operator=True
        )
        if first:
            registry.put_first(opened, saved.id, who="cli")
    if as_json:
        emit_json(_as_dict(saved))
    else:
        typer.echo(
            f"{saved.name} is {'changed' if before else 'added'}. To try it: attune llm test"
        )


@group.command("test")
def try_model(
    name: Annotated[
        str, typer.Argument(help="As `attune llm show` lists it. Empty: the one that answers.")
    ] = "",
    as_json: AsJson = False,
) -> int:
    """Send a language model one short request, and tell what came back.

    Exit code 0 if it answers, 6 if not.
    """
    from app.actions.llms import trial
    from app.cli.common import emit_json, services
    from pipelines.errors import InputError, ProviderError

    with services(pool_size=2) as opened:
        llm = opened.llms.options(_known(opened, name)) if name else opened.llms.default()
        if llm is None:
            raise InputError("No language model is set up: attune llm set MODEL --address URL")
        tried: LLMTrial = trial.run(opened, llm, who="cli")
    if as_json:
        emit_json(vars(tried))
    else:
        typer.secho(tried.sentence, fg="green" if tried.works else "red")
    return 0 if tried.works else ProviderError.exit_code


@group.command()
def remove(
    name: Named,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget a language model and its key. Without any, answers are extracts."""
    from app.actions.llms import registry
    from app.cli.common import services

    with services(pool_size=2) as opened:
        model = _known(opened, name)
        if not yes:
            typer.confirm(f"Remove {model.name}?", abort=True, err=True)
        registry.remove(opened, model.id, who="cli")
    typer.echo(f"{model.name} is removed.")


def _key() -> str:
    """A key, hidden at a terminal, else the first line of the input."""
    if sys.stdin.isatty():
        return str(typer.prompt("Key", hide_input=True, err=True))
    return sys.stdin.readline().strip()


def _named(opened: Services, name: str) -> LanguageModel | None:
    from pipelines.store import language_models

    with opened.pool.connection() as conn:
        return language_models.by_name(conn, name)


def _known(opened: Services, name: str) -> LanguageModel:
    from app.actions.llms.registry import NO_SUCH
    from pipelines.errors import InputError

    if (model := _named(opened, name)) is None:
        raise InputError(NO_SUCH)
    return model


def _as_dict(model: LanguageModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "model": model.model,
        "address": model.address,
        "has_key": model.secret is not None,
    }
