"""`attune backup`, `attune restore` and `attune verify`: copies of a whole installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.common import AsJson

if TYPE_CHECKING:
    from app.actions.backup.action import BackupReport

Where = Annotated[str, typer.Argument(help="A folder, s3://..., hf://... or another address.")]
Name = Annotated[str, typer.Option("--snapshot", help="Name of the backup. Default: the newest.")]


def backup(
    place: Where,
    keep: Annotated[int, typer.Option(min=1, help="Backups that remain there.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Copy the database and the versions to another place, while the server runs.

    With ATTUNE_BACKUP_KEY the copy is encrypted. Keep the key: without it nothing can be restored.
    """
    from app import settings
    from app.actions.backup import action
    from app.cli.bar import progress_bar

    with progress_bar() as task:
        done = action.back_up(settings.load(), place, keep=keep, task=task)
    _tell(done, "Backed up", as_json=as_json)


def backups(beat_fd: Annotated[int, typer.Option()]) -> None:
    """The process of scheduled backups, which `attune serve` and `attune worker` start."""
    from app.watchdog.heartbeat import Heartbeat

    heartbeat = Heartbeat(beat_fd)
    heartbeat.start()  # before the imports, where a process can stand still as well
    from app import settings
    from app.worker.backups import run

    run(settings.load(), heartbeat)


def restore(place: Where, name: Name = "", as_json: AsJson = False) -> None:
    """Bring a backup into an empty data folder or database.

    Exit code 3 when the database is not empty, 5 when the backup is damaged. Nothing is changed then.
    """
    from app import settings
    from app.actions.backup import action
    from app.cli.bar import progress_bar

    with progress_bar() as task:
        done = action.restore(settings.load(), place, name, task=task)
    _tell(done, "Restored", as_json=as_json)


def verify(place: Where, name: Name = "", as_json: AsJson = False) -> None:
    """Try a backup: restore it into a scratch database, compare, and drop that again.

    Exit code 5 when it is damaged.
    """
    from app import settings
    from app.actions.backup import action
    from app.cli.bar import progress_bar

    with progress_bar() as task:
        done = action.verify(settings.load(), place, name, task=task)
    _tell(done, "Verified", as_json=as_json)


def _tell(done: BackupReport, verb: str, *, as_json: bool) -> None:
    from app.cli.common import emit_json

    snapshot = done.snapshot
    documents = snapshot.counts.get("public.document", 0)
    if as_json:
        emit_json(
            {
                "snapshot": snapshot.name,
                "at": snapshot.at,
                "documents": documents,
                "size_bytes": snapshot.size_bytes,
                "versions": done.versions,
                "forgotten": done.forgotten,
            }
        )
        return
    size = f"{snapshot.size_bytes / 1e6:,.1f} MB"
    typer.secho(f"{verb}: {snapshot.name}, {documents:,} documents, {size}", fg="green")
    if done.versions:
        typer.echo(f"Files of versions: {', '.join(done.versions)}")
    if done.forgotten:
        typer.echo(f"Older backups deleted: {len(done.forgotten)}")
