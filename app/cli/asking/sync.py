"""`attune sync`: follows the places where documents live."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.asking import following
from app.cli.common import AsJson, Queued

if TYPE_CHECKING:
    from app.actions.sources.report import Report, ReportLine, Wish
    from app.services import Services
    from pipelines.store.sources import FollowedSource

SOME_FAILED = 10
# A rule refused a step: deletions wait for a confirmation.
WAITING = 7
# How long `--watch` rests between two looks.
LOOK_EVERY_S = {"folder": 5.0}
LOOK_ELSEWHERE_S = 300.0
COLOUR = {
    "added": "green", "changed": "green", "renamed": "cyan", "deleted": "yellow", "gone": "yellow",
    "waiting": "yellow", "failed": "red", "skipped": "bright_black",
}  # fmt: skip


def sync(
    source: Annotated[
        str | None,
        typer.Argument(
            help="A folder, website, Git repository, or s3://, hf://, sftp://, webdav:// address."
            " Without it: what is followed."
        ),
    ] = None,
    delete: Annotated[
        bool | None,
        typer.Option("--delete/--keep", help="Whether documents go when their files are gone."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Delete however many are gone, without asking.")
    ] = False,
    collection: Annotated[str, typer.Option(help="Collection the documents join.")] = "default",
    every: Annotated[
        str | None,
        typer.Option(
            metavar="off|hourly|daily|weekly|MINUTES",
            help="How often a worker reads the source without being asked.",
        ),
    ] = None,
    login: Annotated[
        str | None,
        typer.Option(
            metavar="USER",
            help="Ask for the password of this user, or a token if it is '', and keep it encrypted.",
        ),
    ] = None,
    queue: Queued = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Follow the source no longer. Its documents stay.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Let the index follow a place: a folder, a website, a Git repository, or a store of files.

    What is new or has changed there is indexed. What is unchanged is not read again. With --delete,
    documents go when their files are gone. If more than a fifth of a source is gone at once, this
    waits for a confirmation. The choice is kept for the next time.

    Exit code 0: all is in. 10: some files could not be read; each is listed with the reason.
    7: deletions wait for a confirmation. Interrupted, the same command goes on.
    """
    from app.actions.sources.report import Wish
    from app.cli.common import services
    from app.watchdog.watcher import watched

    asked = following.SyncWish(delete, following.minutes(every), login)
    wish = Wish(confirmed=yes, dry_run=dry_run)
    with watched(), services() as opened:
        if source is None:
            following.list_all(opened, as_json)
            return 0
        found = following.find(opened, source, collection, asked, store=not (dry_run or forget))
        if forget:
            following.forget(opened, found, as_json)
        elif queue:
            following.queue(opened, found, wish, as_json)
        elif watch and not dry_run:
            return _watch(opened, found, wish, as_json)
        else:
            return _once(opened, found, wish, as_json)
        return 0


def _once(opened: Services, found: FollowedSource, wish: Wish, as_json: bool) -> int:
    from app.cli.common import emit_json

    started = time.perf_counter()
    try:
        report = _read(opened, found, wish, as_json)
    except (KeyboardInterrupt, SystemExit):
        typer.echo(
            "Interrupted. What is in stays; the same command goes on with the rest.", err=True
        )
        raise
    seconds = round(time.perf_counter() - started, 2)
    if report.counted["waiting"] and not wish.dry_run and _asked(report, as_json):
        return _once(opened, found, replace(wish, confirmed=True), as_json)
    if as_json:
        emit_json(_as_json(found, report) | {"seconds": seconds})
    else:
        typer.echo(f"{report.sentence} {seconds:.1f} s")
        if report.counted["waiting"]:
            typer.secho("To delete them: the same command with --yes", fg="yellow", err=True)
    if report.counted["failed"]:
        return SOME_FAILED
    return WAITING if report.counted["waiting"] else 0


def _asked(report: Report, as_json: bool) -> bool:
    """Whether a person at this terminal confirms the deletions."""
    if as_json or not sys.stdin.isatty():
        return False
    return typer.confirm(f"Delete {report.counted['waiting']:,} documents?", err=True)


def _watch(opened: Services, found: FollowedSource, wish: Wish, as_json: bool) -> int:
    """Look until the command is interrupted. A look that fails is told, and followed by others."""
    from app.actions.sources import opening
    from app.cli.common import emit_json
    from pipelines.errors import AttuneError

    pause_s = LOOK_EVERY_S.get(opening.kind_of(found.address), LOOK_ELSEWHERE_S)
    typer.echo(f"Looks every {pause_s:g} s. Ctrl-C ends it.", err=True)
    said: set[str] = set()

    def is_news(line: ReportLine) -> bool:
        """What cannot be read, or is gone, is told once."""
        text = f"{line.what} {line.key} {line.detail}"
        if line.what in ("failed", "skipped", "gone", "waiting") and text in said:
            return False
        said.add(text)
        return True

    while True:
        try:
            report = _read(opened, found, wish, as_json, is_news)
            if as_json:
                emit_json(_as_json(found, report))
            elif report.has_changed:
                typer.echo(report.sentence)
        except AttuneError as error:
            typer.secho(f"attune: {error}", err=True, fg="red")
        time.sleep(pause_s)


def _read(
    opened: Services,
    found: FollowedSource,
    wish: Wish,
    as_json: bool,
    is_news: Any = lambda line: True,
) -> Report:
    from app.actions.sources import reading
    from app.cli.bar import progress_bar

    def show(line: ReportLine) -> None:
        if as_json or not is_news(line):
            return
        state = typer.style(f"{line.what:10}", fg=COLOUR[line.what])
        typer.echo(f"{state} {line.key}  {line.detail}".rstrip())
        for note in line.notes:
            typer.secho(f"           warning: {note}", fg="yellow")

    with progress_bar() as task:
        return reading.read(opened, found, wish, who="cli", task=task, tell=show)


def _as_json(found: FollowedSource, report: Report) -> dict[str, Any]:
    return {
        "source": found.address,
        "collection": found.collection,
        "dry_run": report.dry_run,
        **report.counts,
        "incomplete": report.incomplete,
        "files": [line.as_json() for line in report.lines],
    }
