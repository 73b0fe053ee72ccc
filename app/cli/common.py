"""What commands share: services opened from the settings, and JSON on stdout alone."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.actions.tuning import Automatic
    from app.services import Services
    from pipelines.progress import OnProgress, Progress
    from pipelines.store.ids import JobId


@contextmanager
def services(*, pool_size: int = 4) -> Iterator[Services]:
    """The services of this process, by its environment."""
    from app import settings
    from app.services import open_services

    with open_services(settings.load(), pool_size=pool_size) as opened:
        yield opened


def hand_over(opened: Services, task: str, *, as_json: bool, **arguments: Any) -> None:
    """Queue a job for a worker, and say which."""
    from app import queue

    tell_job(opened, queue.defer(opened, task, who="cli", **arguments), as_json=as_json)


def tell_job(opened: Services, job_id: JobId, *, as_json: bool) -> None:
    """Say which job was queued, and whether anybody will do it."""
    import typer

    from pipelines.store import jobs

    with opened.pool.connection() as conn:
        if not jobs.live_workers(conn):
            typer.secho("No worker runs: attune serve, or attune worker.", err=True, fg="yellow")
    if as_json:
        emit_json({"job": job_id})
    else:
        typer.echo(f"Job {job_id} waits for a worker: attune jobs show {job_id}")


def emit_json(value: Any) -> None:
    """One JSON object on stdout; dates and paths as text."""
    json.dump(value, sys.stdout, ensure_ascii=False, default=str)
    sys.stdout.write("\n")
    sys.stdout.flush()


@contextmanager
def build_bar() -> Iterator[OnProgress]:
    """A live line on stderr, for whatever tells `pipelines.versions.build.Progress`."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("starting", total=None, note="")

        def show(told: Progress) -> None:
            left = "" if told.eta_s is None else f"  {told.eta_s / 60:.1f} min left"
            rate = "" if told.rate is None else f"{told.rate:.0f} windows/s{left}"
            bars.update(
                bar,
                description=told.stage,
                completed=told.done,
                total=told.total or None,
                note=rate,
            )

        yield show


# Where nobody watches a terminal, a line so often says how far it is.
LINE_EVERY_S = 10.0


@contextmanager
def long_bar() -> Iterator[OnProgress]:
    """How far long work is, on stderr: a bar on a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("starting", total=None, left="")

        def show(told: Progress) -> None:
            bars.update(
                bar,
                description=told.stage,
                completed=told.done,
                total=told.total or None,
                left=_left(told),
            )

        yield show


def _lines() -> OnProgress:
    import typer

    last: list[str | float] = ["", 0.0]

    def show(told: Progress) -> None:
        now = time.monotonic()
        if told.stage == last[0] and now - float(last[1]) < LINE_EVERY_S:
            return
        last[:] = [told.stage, now]
        share = f", {100 * told.done // told.total}%" if told.total else ""
        left = f", {text}" if (text := _left(told)) else ""
        typer.echo(f"{told.stage}{share}{left}", err=True)

    return show


def _left(told: Progress) -> str:
    from training.finetune.costs import duration

    return "" if told.eta_s is None else f"about {duration(told.eta_s / 60)} left"


def print_automatic(done: Automatic) -> None:
    """What came of letting a version serve by itself."""
    import typer

    if done.promoted:
        typer.secho(f"{done.version} serves (epoch {done.epoch}): {done.reason}", fg="green")
        typer.echo("To go back: attune models rollback")
    else:
        typer.secho(f"{done.version} was not promoted: {done.reason}", fg="yellow")
