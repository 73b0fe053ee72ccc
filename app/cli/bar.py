"""How far long work is, on stderr: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from pipelines.progress import Progress, Task, pace

# Where nobody watches a terminal, a line so often.
LINE_EVERY_S = 10.0
PERCENT = 100
# Figures that are shown, as people write them.
FIGURES = {"loss": "loss", "heldout_ndcg@10": "NDCG@10"}


@contextmanager
def progress_bar() -> Iterator[Task]:
    """A task that shows its progress while the context lasts."""
    if not sys.stderr.isatty():
        yield Task(_lines())
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task("starting", total=None, note="")

        def show(told: Progress) -> None:
            bars.update(
                bar,
                description=told.stage,
                completed=told.done,
                total=told.total or None,
                note="  ".join(_notes(told)),
            )

        yield Task(show)


def _lines() -> Callable[[Progress], None]:
    stage, last = "", 0.0

    def show(told: Progress) -> None:
        nonlocal stage, last
        now = time.monotonic()
        if told.stage == stage and now - last < LINE_EVERY_S:
            return
        stage, last = told.stage, now
        typer.echo(", ".join([told.stage, *_notes(told)]), err=True)

    return show


def _notes(told: Progress) -> list[str]:
    """How far, how fast, what was measured and what is left, each if known."""
    from training.finetune.costs import duration

    notes = []
    if told.total == PERCENT:
        notes.append(f"{told.done}%")
    elif told.total:
        notes.append(f"{told.done:,}/{told.total:,}")
    if told.rate:
        notes.append(pace(told.rate))
    notes += [f"{FIGURES[n]} {value:.3f}" for n, value in told.figures.items() if n in FIGURES]
    if told.eta_s:
        notes.append(f"about {duration(told.eta_s / 60)} left")
    return notes
