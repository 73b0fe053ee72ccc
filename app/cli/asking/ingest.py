"""`attune ingest`: adds files."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.asking import remote
from app.cli.asking.files import find_files
from app.cli.asking.report import IngestReport
from app.cli.common import AsJson
from pipelines.indexing.outcome import Outcome
from pipelines.indexing.paths import readable

if TYPE_CHECKING:
    from app.services import Services
    from pipelines.progress import Progress

SOME_FAILED = 10
STAGES = {
    "accelerating": "building a faster encoder",
    "graph": "building the search graph",
    "threshold": "measuring what counts as an answer",
}


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files, and with --recursive folders.")],
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Take in folders with all they hold.")
    ] = False,
    collection: Annotated[str, typer.Option(help="Collection the documents join.")] = "default",
    as_json: AsJson = False,
) -> int:
    """Add files, the smallest first. The handbook lists the kinds that are read.

    The same content again is left alone. A changed file replaces its old version. A file with the
    content of another one shares its passages. Exit code 0 when every file is in, 10 when some
    failed. Each is listed with the reason. Interrupted, the same command continues.
    """
    from app.cli.common import emit_json, services
    from app.watchdog.watcher import watched
    from pipelines.store import scope

    scope.check_name(collection)
    found = find_files(paths, recursive=recursive)
    if (there := remote.remote()) is not None:
        all_in = remote.show_ingest(there, found.files, found.failed, collection, as_json=as_json)
        return 0 if all_in else SOME_FAILED
    report = IngestReport(as_json, {readable(p.resolve()): readable(p) for p in found.files})
    started = time.perf_counter()
    for path, reason in found.failed:
        report.add(readable(path), Outcome(readable(path), "failed", reason=reason))
    ended: BaseException | None = None
    with watched(), services() as opened:
        try:
            with closing(_with_progress(opened, found.files, collection, report)) as outcomes:
                for outcome in outcomes:
                    report.add(report.names[outcome.source], outcome)
        except (KeyboardInterrupt, SystemExit) as interrupted:
            ended = interrupted
            report.look_up(opened, collection)
    seconds = round(time.perf_counter() - started, 2)
    counts = report.counts()
    if as_json:
        told: dict[str, Any] = {"files": report.listed, **counts, "seconds": seconds}
        told |= {"skipped": len(found.hidden), "not_read": found.not_read}
        if ended is not None:
            told |= {"interrupted": True, "not_indexed": list(report.names.values())}
        emit_json(told)
    else:
        report.end(found, seconds, interrupted=ended is not None)
    if ended is not None:
        raise ended
    return SOME_FAILED if counts["failed"] else 0


def _with_progress(
    opened: Services, paths: list[Path], collection: str, report: IngestReport
) -> Generator[Outcome, None, None]:
    """Take files in, with a line on stderr that says how far it is."""
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    from app.actions.ingest import open_ingester
    from pipelines.indexing.incoming import Incoming
    from pipelines.indexing.rounds import ingest_wholly
    from pipelines.progress import Task

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    console = Console(stderr=True)
    shared = console.is_terminal and sys.stdout.isatty()
    # What is printed on the same terminal has to go round the line that moves.
    with Bar(*columns, console=console, transient=True, redirect_stdout=False) as bars:
        bar = bars.add_task("starting", total=None, left="")

        def show(told: Progress) -> None:
            words = STAGES.get(told.stage, told.stage)
            left = "" if told.eta_s is None else f"{_minutes(told.eta_s)} left"
            name = told.item if len(told.item) <= 40 else f"{told.item[:39]}…"
            description = f"{words} {name}".rstrip()
            total = told.total or None
            bars.update(bar, description=description, completed=told.done, total=total, left=left)

        if shared:
            report.show = lambda line: console.print(Text.from_ansi(line), soft_wrap=True)
        try:
            with open_ingester(opened, Task(show)) as ingester:
                incoming = [Incoming.from_path(path, collection) for path in paths]
                with closing(ingest_wholly(ingester, incoming)) as outcomes:
                    yield from outcomes
        finally:
            report.show = typer.echo


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
