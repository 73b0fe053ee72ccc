"""`attune pairs generate`: questions and passages from the indexed documents."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.common import AsJson, Queued

if TYPE_CHECKING:
    from app.actions.pairs.generating import GenerationPlan
    from app.services import Services
    from training.pairs.collector import Summary


class Generator(StrEnum):
    """Where questions come from."""

    auto = "auto"
    offline = "offline"
    llm = "llm"
    feedback = "feedback"


Source = Annotated[
    Generator,
    typer.Option(
        "--with",
        help="llm asks the language model; offline needs none; feedback takes liked answers, and sources marked as wrong;"
        " auto: llm where one is configured, else offline.",
    ),
]
PerPassage = Annotated[
    int | None, typer.Option(min=1, max=10, help="Questions for a passage (llm 2, offline 4).")
]
Limit = Annotated[
    int, typer.Option(min=1, help="Passages in this call: an even sample of the documents.")
]
AtOnce = Annotated[int, typer.Option(min=1, max=64, help="Calls at a time (llm).")]
Again = Annotated[
    bool,
    typer.Option("--again", help="Start over: delete the unreviewed pairs of this generator."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before paid calls.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the estimate, and stop.")]


def generate(
    generator: Source = Generator.auto,
    per_passage: PerPassage = None,
    limit: Limit = 2000,
    at_once: AtOnce = 4,
    again: Again = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    queue: Queued = False,
    as_json: AsJson = False,
) -> None:
    """Make pairs from the indexed documents.

    Interrupted, it continues where it stopped. A part of the documents is held out to judge on.
    """
    from app.actions.pairs import generating
    from app.cli.bar import progress_bar
    from app.cli.common import hand_over, services

    with services() as opened:
        source = _source(opened, generator)
        if source == "feedback":
            if queue:
                hand_over(opened, "generate", as_json=as_json, source=source)
            else:
                print_summary(generating.generate(opened, source, who="cli"), as_json)
            return
        with opened.pool.connection() as conn:
            if again and not (dry_run or queue):  # else nothing is deleted yet
                generating.forget_pairs(conn, opened, source)
            plan = generating.plan(
                conn, opened, source, per_passage=per_passage, limit=limit, again=again
            )
        _print_plan(plan, as_json=dry_run and as_json)
        if dry_run:
            return
        if not plan.passages:
            typer.echo("Every passage was looked at. --again starts over.", err=True)
        if plan.cost is not None and plan.passages and not yes and not as_json:
            typer.confirm("Continue?", abort=True, err=True)
        if queue:
            hand_over(
                opened, "generate", as_json=as_json, source=source, per_passage=per_passage,
                limit=limit, again=again,
            )  # fmt: skip
            return
        with progress_bar() as task:
            summary = generating.make_pairs(opened, plan, at_once=at_once, who="cli", task=task)
    print_summary(summary, as_json)


def _source(opened: Services, generator: Generator) -> str:
    if generator is Generator.auto:
        return "llm" if opened.llms.default() else "offline"
    return generator.value


def _print_plan(plan: GenerationPlan, *, as_json: bool) -> None:
    from app.cli.common import emit_json

    shown: dict[str, Any] = {
        "generator": plan.name,
        "passages": len(plan.passages),
        "questions": plan.questions,
    }
    if (cost := plan.cost) is not None:
        shown |= {
            "calls": cost.calls,
            "tokens_in": cost.tokens_in,
            "most_tokens_out": cost.tokens_out,
        }
    if as_json:
        emit_json(shown)
        return
    parts = (
        f"{name.replace('_', ' ')}: {value:,}" if isinstance(value, int) else str(value)
        for name, value in shown.items()
    )
    typer.echo("  ".join(parts), err=True)


def print_summary(summary: Summary, as_json: bool) -> None:
    """Print what became of the pairs of a call, and the next step."""
    from app.cli.common import emit_json

    if as_json:
        emit_json(summary.as_json())
        return
    typer.secho(
        f"{summary.stored} pairs stored: {summary.accepted} accepted"
        f" ({summary.sides['train']} to train on, {summary.sides['heldout']} held-out),"
        f" {summary.review} to review",
        fg="green",
    )
    if summary.wrong:
        typer.echo(f"{summary.wrong} passages marked as wrong to review")
    if summary.kinds:
        typer.echo("made from: " + ", ".join(f"{k} {n}" for k, n in summary.kinds.most_common()))
    for reason, count in summary.rejected.most_common():
        typer.echo(f"{count:6} not taken: {reason}")
    if summary.faults:
        typer.secho(
            f"{len(summary.faults)} passages failed and are asked again next time;"
            f" the last: {summary.faults[-1]}",
            fg="yellow",
        )
    if summary.review or summary.wrong:
        typer.echo("Next: attune pairs review")
    elif summary.accepted:
        typer.echo("Next: attune train")
