"""`attune improve`: pairs, training, comparison and promotion in one go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import AsJson, Queued

if TYPE_CHECKING:
    from app.actions.improve.plan import ImprovementPlan
    from app.services import Services
    from pipelines.store.improvements import Improvement

# What is not ready has this exit code everywhere.
NOT_READY = 4


def improve(
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what it would do and how long it takes, and stop."),
    ] = False,
    schedule: Annotated[
        str | None,
        typer.Option(
            metavar="off|weekly|votes:N",
            help="When a worker does it without being asked: never, every week, after N new votes.",
        ),
    ] = None,
    queue: Queued = False,
    as_json: AsJson = False,
) -> int:
    """Improve the search: make pairs, train, compare, and promote the new version if it is better.

    Nothing changes for anybody unless the new version is better on held-out questions.

    Interrupted, the next call continues where it stopped. Exit code 4: there is too little to learn
    from yet.
    """
    from app.actions import methods
    from app.actions.improve import plan
    from app.cli.common import emit_json, hand_over, services

    with services() as opened:
        if schedule is not None:
            _set_schedule(opened, schedule, as_json)
            return 0
        if dry_run or not queue:
            with_what = methods.machine(opened)
            found = plan.make(opened, with_what)
            if dry_run and as_json:
                emit_json(found.as_json() | {"schedule": _schedule(opened)})
                return 0
            _print_plan(found, err=not dry_run)
        if dry_run:
            typer.echo(f"Schedule: {_schedule(opened)}")
            return 0
        if queue:
            hand_over(opened, "improve", as_json=as_json)
            return 0
        done = _run(opened)
        _tell(done, as_json)
    return NOT_READY if done.outcome == "nothing" and done.run_id is None else 0


def _run(opened: Services) -> Improvement:
    from app.actions.improve import action
    from app.cli.bar import progress_bar
    from app.cli.common import kept_in_an_outage

    kept = "what is done stays, and attune improve goes on from there."
    try:
        with kept_in_an_outage(kept), progress_bar() as task:
            return action.run(opened, who="cli", task=task)
    except KeyboardInterrupt:
        typer.echo("\nStopped. What is done stays: attune improve continues from there.", err=True)
        raise


def _tell(done: Improvement, as_json: bool) -> None:
    from app.actions.improve import action
    from app.cli.common import emit_json

    if as_json:
        emit_json(action.as_json(done))
        return
    colour = {"promoted": "green", "kept": "yellow"}.get(done.outcome or "")
    typer.secho(done.sentence, fg=colour)
    if done.outcome == "promoted":
        typer.echo("To go back: attune models rollback")
    elif done.outcome == "kept" and done.version is None:
        typer.echo("To train all the same: attune train")
    elif done.outcome == "kept":
        typer.echo(f"The figures: attune models show {done.version}")


def _set_schedule(opened: Services, text: str, as_json: bool) -> None:
    from app.actions.improve import schedule
    from app.cli.common import emit_json

    every, votes = schedule.parse(text)
    with opened.pool.connection() as conn:
        schedule.change(conn, every, votes, who="cli")
        found = schedule.state(conn)
    if as_json:
        emit_json({"schedule": text, "due_at": found.at, "sentence": found.sentence})
    else:
        typer.echo(found.sentence)


def _schedule(opened: Services) -> str:
    from app.actions.improve import schedule

    with opened.pool.connection() as conn:
        found = schedule.state(conn)
    return f"{schedule.show(found.schedule)}. {found.sentence}"


def _print_plan(found: ImprovementPlan, *, err: bool) -> None:
    """To stderr before work begins, to stdout where it is all that was asked for."""
    from training.finetune.costs import duration

    if found.unfinished is not None:
        typer.echo("Continues what was interrupted:", err=err)
    for number, step in enumerate(found.steps, 1):
        took = "" if step.seconds is None else f"  ({duration(step.seconds / 60)})"
        typer.echo(f"{number}. {step.name} {step.means}{took}", err=err)
    typer.echo(f"All together {found.sentence}", err=err)
