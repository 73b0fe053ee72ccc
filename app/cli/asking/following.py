"""What is followed by `attune sync`, and how: listed, changed, forgotten."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from app.actions.sources.report import Wish
    from app.services import Services
    from pipelines.store.sources import FollowedSource


@dataclass(frozen=True)
class SyncWish:
    """
    How a source is to be followed from now on. None leaves it as it is.

    :param login: A user whose password is asked for. An empty one has a token alone.
    """

    deletes: bool | None
    every_minutes: int | None
    login: str | None


def minutes(every: str | None) -> int | None:
    """
    The minutes of a schedule, if one is given.

    :raises InputError: It is none.
    """
    from app.actions.sources import schedule

    return None if every is None else schedule.parse(every)


def find(
    opened: Services, address: str, collection: str, asked: SyncWish, *, store: bool
) -> FollowedSource:
    """
    The source of an address, followed as asked.

    :param store: Whether to store what is asked, and the source if it is not there.
    """
    from app.actions.sources import registry
    from app.actions.sources.secrets import Login

    if not store:
        found = registry.find(opened, address, collection)
        return found if asked.deletes is None else replace(found, deletes=asked.deletes)
    found = registry.find_or_add(opened, address, collection, who="cli")
    if asked == SyncWish(None, None, None):
        return found
    return registry.change(
        opened,
        found.id,
        deletes=asked.deletes,
        every_minutes=asked.every_minutes,
        login=None if asked.login is None else Login(asked.login, _password()),
        who="cli",
    )


def _password() -> str:
    """A password, hidden at a terminal, else the first line of the input."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password or token", hide_input=True, default="", err=True))
    return sys.stdin.readline().rstrip("\n")


def queue(opened: Services, found: FollowedSource, wish: Wish, as_json: bool) -> None:
    """Let a worker read a source, and say which job that is."""
    from app.actions.sources import schedule
    from app.cli.common import tell_job

    job_id = schedule.queue_one(
        opened, found, who="cli", confirmed=wish.confirmed, dry_run=wish.dry_run
    )
    tell_job(opened, job_id, as_json=as_json)


def forget(opened: Services, found: FollowedSource, as_json: bool) -> None:
    """Follow a source no longer."""
    from app.actions.sources import registry
    from app.cli.common import emit_json

    registry.forget(opened, found.id, who="cli")
    if as_json:
        emit_json({"forgotten": found.address})
    else:
        typer.echo(f"{found.address} is followed no longer. Its documents stay.")


def list_all(opened: Services, as_json: bool) -> None:
    """What is followed, with the last run of each."""
    from app.actions.sources import schedule
    from app.cli.common import emit_json
    from pipelines.store import source_entries, source_runs, sources

    with opened.pool.connection() as conn:
        listed, counts = sources.list_all(conn), source_entries.count(conn)
        runs = source_runs.latest(conn)
    told: list[dict[str, Any]] = []
    for source in listed:
        run = runs.get(source.id)
        told.append(
            {
                "id": source.id,
                "source": source.address,
                "collection": source.collection,
                "files": counts.get(source.id, 0),
                "deletes": source.deletes,
                "every_minutes": source.every_minutes,
                "last_run": run.created_at if run else None,
                "outcome": run.outcome if run else None,
                "sentence": run.sentence if run else "",
            }
        )
    if as_json:
        emit_json({"sources": told})
        return
    if not told:
        typer.echo("Nothing is followed yet: attune sync SOURCE")
    for one in told:
        when = f"{one['last_run']:%Y-%m-%d %H:%M}" if one["last_run"] else "never read"
        typer.echo(f"{one['source']}  {one['files']} files, {when}: {one['sentence']}")
        if one["every_minutes"]:
            typer.echo(f"  read {schedule.show(one['every_minutes'])}")
